package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
)

// setup starts a server that answers with what it got, and a proxy before it.
func setup(t *testing.T) (*proxy.Proxy, *atomic.Int32) {
	t.Helper()
	var served atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Added", r.Header.Get("Added"))
		_, _ = w.Write(append([]byte("you said "), body...))
		if r.URL.Path == "/break" {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(s.Close)
	p, err := proxy.Start(s.URL, proxy.AWS)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p, &served
}

// call sends a request with an operation and returns status and body.
func call(t *testing.T, p *proxy.Proxy, path, operation, body string) (int, string, http.Header, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	if operation != "" {
		req.Header.Set("X-Amz-Target", "AmazonSSM."+operation)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(answer), resp.Header, err
}

func TestForwardsAndRecords(t *testing.T) {
	p, _ := setup(t)
	p.SetHeader("Added", "yes")
	status, answer, header, err := call(t, p, "/?q=1", "GetParameters", "hello")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "you said hello", answer)
	require.Equal(t, "yes", header.Get("Added"))
	_, _, _, err = call(t, p, "/service/S/operation/PutMetricData", "", "")
	require.NoError(t, err)
	_, _, _, err = call(t, p, "/", "", "Action=ListMetrics&Version=1")
	require.NoError(t, err)
	_, _, _, err = call(t, p, "/oauth/token", "", "")
	require.NoError(t, err)
	require.Equal(t, map[string]int{"GetParameters": 1, "PutMetricData": 1, "ListMetrics": 1, "POST /oauth/token": 1}, p.Count())

	calls := p.Calls("GetParameters")
	require.Len(t, calls, 1)
	require.Equal(t, "/?q=1", calls[0].Target)
	require.Equal(t, "hello", string(calls[0].Request))
	require.Equal(t, "you said hello", string(calls[0].Answer))
	require.Equal(t, http.StatusOK, calls[0].Status)
	p.Forget()
	require.Empty(t, p.Calls())
}

func TestLoseBeforeAndAfter(t *testing.T) {
	p, served := setup(t)
	p.On(proxy.Rule{Operation: "A", Nth: 2, Before: (*proxy.Call).Lose})
	p.On(proxy.Rule{Operation: "A", Nth: 3, After: (*proxy.Call).Lose})
	var failed []bool
	for range 4 {
		_, _, _, err := call(t, p, "/", "A", "x")
		failed = append(failed, err != nil)
		_, _, _, err = call(t, p, "/", "B", "x")
		require.NoError(t, err)
	}
	require.Equal(t, []bool{false, true, true, false}, failed)
	require.Equal(t, int32(3+4), served.Load(), "only the call that was lost before is missing at the server")
	calls := p.Calls("A")
	require.Zero(t, calls[1].Status)
	require.True(t, calls[2].Lost)
	require.Equal(t, "you said x", string(calls[2].Answer))
}

func TestReplyReplaceAndRemove(t *testing.T) {
	p, served := setup(t)
	remove := p.On(proxy.Rule{When: func(c *proxy.Call) bool { return string(c.Request) == "x" },
		Before: func(c *proxy.Call) { c.Reply(http.StatusTeapot, http.Header{"Retry-After": {"7"}}, []byte("no")) }})
	status, answer, header, err := call(t, p, "/", "A", "x")
	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, status)
	require.Equal(t, "no", answer)
	require.Equal(t, "7", header.Get("Retry-After"))
	require.Zero(t, served.Load())
	remove()

	p.On(proxy.Rule{After: func(c *proxy.Call) { c.Answer = []byte(strings.ToUpper(string(c.Answer))) }})
	_, answer, _, err = call(t, p, "/", "A", "x")
	require.NoError(t, err)
	require.Equal(t, "YOU SAID X", answer)
}

// A delayed call does not delay others, and is recorded meanwhile.
func TestPause(t *testing.T) {
	p, _ := setup(t)
	reached, release := make(chan struct{}), make(chan struct{})
	p.On(proxy.Rule{Operation: "A", Before: func(*proxy.Call) { close(reached); <-release }})
	done := make(chan error, 1)
	go func() {
		_, _, _, err := call(t, p, "/", "A", "")
		done <- err
	}()
	<-reached
	_, _, _, err := call(t, p, "/", "B", "")
	require.NoError(t, err)
	require.Len(t, p.Calls("A"), 1)
	close(release)
	require.NoError(t, <-done)
}

// A failing test that prints a call shows no secret.
func TestACallIsPrintedWithoutItsBodies(t *testing.T) {
	calls := []proxy.Call{{Operation: "POST /oauth/token", Target: "/oauth/token", Request: []byte("canary"), Answer: []byte("canary"), Status: 200}}
	require.Equal(t, "[POST /oauth/token /oauth/token: 200]", fmt.Sprint(calls))
}

func TestServersFaultsArePassedOn(t *testing.T) {
	p, _ := setup(t)
	status, answer, _, err := call(t, p, "/break", "A", "x")
	require.Error(t, err, "the answer broke off")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "you said x", answer)

	gone := httptest.NewServer(nil)
	gone.Close()
	p, err = proxy.Start(gone.URL, proxy.Path)
	require.NoError(t, err)
	defer p.Close()
	_, _, _, err = call(t, p, "/", "", "")
	require.Error(t, err)
	require.Zero(t, p.Calls()[0].Status)

	_, err = proxy.Start("nonsense", proxy.Path)
	require.ErrorContains(t, err, "nonsense")
}
