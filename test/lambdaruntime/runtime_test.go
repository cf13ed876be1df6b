package lambdaruntime_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
)

var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambdaruntime-*")
	if err == nil {
		binary, err = lambdaruntime.Build(context.Background(), dir, "./testdata/handler")
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		println(err.Error())
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func start(t *testing.T, env map[string]string) *lambdaruntime.Runtime {
	t.Helper()
	r, err := lambdaruntime.New(lambdaruntime.Config{Binary: binary, Env: env, InitTimeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

func invoke(t *testing.T, r *lambdaruntime.Runtime, event string) lambdaruntime.Result {
	t.Helper()
	res, err := r.Invoke(t.Context(), []byte(event), 10*time.Second)
	require.NoError(t, err)
	return res
}

type answer struct {
	Text       string   `json:"text"`
	RequestID  string   `json:"request_id"`
	ARN        string   `json:"arn"`
	DeadlineMS int64    `json:"deadline_ms"`
	PID        int      `json:"pid"`
	Env        []string `json:"env"`
}

func decode(t *testing.T, res lambdaruntime.Result) answer {
	t.Helper()
	require.Nil(t, res.Error)
	var a answer
	require.NoError(t, json.Unmarshal(res.Payload, &a))
	return a
}

func TestAnswerAndWarmProcess(t *testing.T) {
	r := start(t, nil)
	before := time.Now()
	first := invoke(t, r, `{"do":"echo","text":"one"}`)
	a := decode(t, first)
	require.Equal(t, "one", a.Text)
	require.Equal(t, first.RequestID, a.RequestID)
	require.Equal(t, "arn:aws:lambda:us-east-1:123456789012:function:function", a.ARN)
	require.WithinRange(t, time.UnixMilli(a.DeadlineMS), before.Add(9*time.Second), before.Add(20*time.Second))
	require.True(t, first.Cold)
	require.Positive(t, first.Init)
	require.Positive(t, first.InitRSS)
	require.GreaterOrEqual(t, first.PeakRSS, first.InitRSS)
	require.Contains(t, first.Logs, "stdout: one\n")
	require.Contains(t, first.Logs, "stderr: one\n")

	second := invoke(t, r, `{"do":"echo","text":"two"}`)
	require.False(t, second.Cold)
	require.Zero(t, second.Init)
	require.Equal(t, a.PID, decode(t, second).PID)
	require.NotEqual(t, first.RequestID, second.RequestID)
	require.NotContains(t, second.Logs, "one")
	require.Equal(t, first.Logs+second.Logs, r.Logs())
	require.Equal(t, 1, r.Starts())
}

func TestEnvironmentIsExplicit(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "/nowhere")
	t.Setenv("AWS_PROFILE", "somebody")
	r := start(t, map[string]string{"MINE": "1", "AWS_REGION": "eu-west-1"})
	env := decode(t, invoke(t, r, `{"do":"env"}`)).Env
	require.Contains(t, env, "MINE=1")
	require.Contains(t, env, "AWS_REGION=eu-west-1")
	require.Contains(t, env, "AWS_LAMBDA_FUNCTION_NAME=function")
	for _, variable := range env {
		require.False(t, strings.HasPrefix(variable, "AWS_CA_BUNDLE="), variable)
		require.False(t, strings.HasPrefix(variable, "AWS_PROFILE="), variable)
	}
}

func TestErrorKeepsTheProcess(t *testing.T) {
	r := start(t, nil)
	res := invoke(t, r, `{"do":"error"}`)
	require.Equal(t, &lambdaruntime.FunctionError{Type: "errorString", Message: "failed on demand"}, res.Error)
	require.False(t, res.Exited)
	require.False(t, invoke(t, r, `{"do":"echo"}`).Cold)
}

// After a panic aws-lambda-go reports the error and then exits. The end of the process
// belongs to the same invocation.
func TestPanicReportsThenRestarts(t *testing.T) {
	r := start(t, nil)
	for range 5 {
		res := invoke(t, r, `{"do":"panic"}`)
		require.NotNil(t, res.Error)
		require.Equal(t, "panicked on demand", res.Error.Message)
		require.True(t, res.Exited)
		require.True(t, res.Cold)
	}
	require.True(t, invoke(t, r, `{"do":"echo"}`).Cold)
	require.Equal(t, 6, r.Starts())
}

func TestExitWithoutAnswer(t *testing.T) {
	r := start(t, nil)
	res := invoke(t, r, `{"do":"exit"}`)
	require.Equal(t, "Runtime.ExitError", res.Error.Type)
	require.Contains(t, res.Error.Message, "exit status 3")
	require.Contains(t, res.Error.Message, res.RequestID)
	require.Nil(t, invoke(t, r, `{"do":"echo"}`).Error)
}

func TestDeathWhileIdleIsNotAFailure(t *testing.T) {
	r := start(t, nil)
	pid := decode(t, invoke(t, r, `{"do":"die later"}`)).PID
	require.Eventually(t, func() bool { return syscall.Kill(pid, 0) != nil }, 5*time.Second, 5*time.Millisecond)
	res := invoke(t, r, `{"do":"echo"}`)
	require.Nil(t, res.Error)
	require.True(t, res.Cold)
}

func TestDeadlineKills(t *testing.T) {
	r := start(t, nil)
	pid := decode(t, invoke(t, r, `{"do":"echo"}`)).PID
	res, err := r.Invoke(t.Context(), []byte(`{"do":"hang","text":"hanging"}`), 300*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, "Sandbox.Timedout", res.Error.Type)
	require.Equal(t, "RequestId: "+res.RequestID+" Error: Task timed out after 0.30 seconds", res.Error.Message)
	require.True(t, res.Exited)
	require.Contains(t, res.Logs, "stdout: hanging")
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	require.True(t, invoke(t, r, `{"do":"echo"}`).Cold)
}

// A server that the function calls can kill it. So a test can choose the moment.
func TestKillFromWithinACall(t *testing.T) {
	r := start(t, nil)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { r.Kill() }))
	defer s.Close()
	res := invoke(t, r, `{"do":"call","text":`+strconv.Quote(s.URL)+`}`)
	require.Equal(t, "Runtime.ExitError", res.Error.Type)
	require.Contains(t, res.Error.Message, "signal: killed")
	require.Nil(t, invoke(t, r, `{"do":"echo"}`).Error)
	require.Equal(t, 2, r.Starts())
}

func TestFailedInit(t *testing.T) {
	t.Run("reported", func(t *testing.T) {
		res := invoke(t, start(t, map[string]string{"INIT": "report"}), `{}`)
		require.Equal(t, &lambdaruntime.FunctionError{Type: "BadConfig", Message: "THING is wrong"}, res.Error)
		require.True(t, res.Exited)
	})
	t.Run("exit", func(t *testing.T) {
		r := start(t, map[string]string{"INIT": "exit"})
		for range 2 {
			res := invoke(t, r, `{}`)
			require.Equal(t, "Runtime.ExitError", res.Error.Type)
			require.Contains(t, res.Error.Message, "exit status 2")
		}
		require.Equal(t, 2, r.Starts())
	})
	t.Run("too long", func(t *testing.T) {
		r, err := lambdaruntime.New(lambdaruntime.Config{Binary: binary, InitTimeout: 200 * time.Millisecond,
			Env: map[string]string{"INIT": "hang"}})
		require.NoError(t, err)
		defer r.Close()
		res := invoke(t, r, `{}`)
		require.Equal(t, "Sandbox.Timedout", res.Error.Type)
		require.Contains(t, res.Error.Message, "Init timed out")
	})
}

func TestAnswerTooLarge(t *testing.T) {
	res := invoke(t, start(t, nil), `{"do":"big"}`)
	require.Equal(t, "Function.ResponseSizeTooLarge", res.Error.Type)
}

func TestCallsRunOneAfterTheOther(t *testing.T) {
	r := start(t, nil)
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			res, err := r.Invoke(t.Context(), []byte(`{"do":"echo"}`), 10*time.Second)
			if err != nil || res.Error != nil {
				t.Errorf("invocation failed: %v, %v", err, res.Error)
			}
		})
	}
	calls.Wait()
	require.Equal(t, 1, r.Starts())
}

func TestRuntimeErrors(t *testing.T) {
	t.Run("no such binary", func(t *testing.T) {
		r, err := lambdaruntime.New(lambdaruntime.Config{Binary: "missing/bootstrap"})
		require.NoError(t, err)
		defer r.Close()
		_, err = r.Invoke(t.Context(), []byte(`{}`), time.Second)
		require.ErrorContains(t, err, "missing/bootstrap")
	})
	t.Run("cancelled", func(t *testing.T) {
		r := start(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := r.Invoke(ctx, []byte(`{"do":"hang"}`), time.Minute)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, invoke(t, r, `{"do":"echo"}`).Cold)
	})
	t.Run("closed", func(t *testing.T) {
		r := start(t, nil)
		r.Close()
		_, err := r.Invoke(t.Context(), []byte(`{}`), time.Second)
		require.ErrorContains(t, err, "closed")
	})
}
