package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/countdown"
	"github.com/tokenkeeper/tokenkeeper/internal/environment"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/refresher"
)

// cloudFormation takes the answers that custom resources send.
func cloudFormation(t *testing.T, status int) (url string, answers *[]map[string]string) {
	answers = &[]map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer := map[string]string{"Method": r.Method}
		_ = json.Unmarshal(body, &answer)
		*answers = append(*answers, answer)
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/stack?X-Amz-Signature=canary-signature", answers
}

func request(kind, state, url string) json.RawMessage {
	payload, _ := json.Marshal(map[string]any{"RequestType": kind, "ResponseURL": url, "StackId": "stack", "RequestId": "request",
		"ResourceType": "AWS::CloudFormation::CustomResource", "LogicalResourceId": "FirstTick", "ResourceProperties": map[string]any{"ServiceToken": "arn", "ScheduleState": state}})
	return payload
}

// sick is the error of a tick whose connection is lost and whose metrics end so.
func sick(t *testing.T, published error) error {
	r := refresher.Refresher{Keeper: refusing{}, Connections: []family.Connection{{Name: "A_"}}, Sink: sink{published}, Now: time.Now, Parallel: 1}
	_, err := r.Tick(context.Background(), slog.New(slog.DiscardHandler))
	require.Error(t, err)
	return err
}

type refusing struct{}

func (refusing) Tick(context.Context, family.Connection, *slog.Logger) keeper.Outcome {
	return keeper.Outcome{Connection: "A_", Action: keeper.Refused}
}

type sink struct{ err error }

func (s sink) Publish(context.Context, time.Time, []countdown.Metric) error { return s.err }

// invalid is the error of an environment that cannot be used.
func invalid() error {
	env := environment.New(func(string) string { return "" })
	env.Wrong("REFRESH_BEFORE", "is wrong")
	return env.Err()
}

func TestDeployment(t *testing.T) {
	for _, tt := range []struct {
		name, kind, state string
		tick              error
		ticks             int
		status            string
		reason            string
	}{
		{"a good start", "Create", "ENABLED", nil, 1, "SUCCESS", ""},
		{"a lost family is the alarms' business", "Create", "ENABLED", sick(t, nil), 1, "SUCCESS", ""},
		{"metrics that nobody would see", "Create", "ENABLED", sick(t, errors.New("PutMetricData: denied")), 1, "FAILED", "PutMetricData: denied"},
		{"a configuration that does not hold", "Create", "ENABLED", invalid(), 1, "FAILED", "REFRESH_BEFORE is wrong"},
		{"no schedule yet", "Create", "DISABLED", errors.New("not asked"), 0, "SUCCESS", ""},
		{"the schedule enabled", "Update", "ENABLED", nil, 1, "SUCCESS", ""},
		{"the schedule disabled", "Update", "DISABLED", errors.New("not asked"), 0, "SUCCESS", ""},
		{"a deletion", "Delete", "ENABLED", errors.New("not asked"), 0, "SUCCESS", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, answers := cloudFormation(t, 200)
			ticks := 0
			serve := handler(slog.New(slog.DiscardHandler), func(context.Context, *slog.Logger) (refresher.Report, error) {
				ticks++
				return refresher.Report{}, tt.tick
			})
			_, err := serve(t.Context(), request(tt.kind, tt.state, url))
			require.NoError(t, err, "or Lambda would ask again")
			require.Equal(t, tt.ticks, ticks)
			require.Len(t, *answers, 1)
			answer := (*answers)[0]
			require.Equal(t, "PUT", answer["Method"])
			require.Equal(t, tt.status, answer["Status"])
			require.Contains(t, answer["Reason"], tt.reason)
			require.Equal(t, []string{"stack", "request", "FirstTick", "first-tick"},
				[]string{answer["StackId"], answer["RequestId"], answer["LogicalResourceId"], answer["PhysicalResourceId"]})
		})
	}
}

func TestAnAnswerThatCannotBeSent(t *testing.T) {
	var logs bytes.Buffer
	serve := handler(slog.New(slog.NewTextHandler(&logs, nil)), func(context.Context, *slog.Logger) (refresher.Report, error) { return refresher.Report{}, nil })
	url, _ := cloudFormation(t, 403)
	for _, address := range []string{url, "http://127.0.0.1:1/?X-Amz-Signature=canary-signature", "http://evil.example/?canary-signature", "file:///canary-signature"} {
		_, err := serve(t.Context(), request("Delete", "ENABLED", address))
		require.Error(t, err, "so that Lambda tries again")
		require.NotContains(t, err.Error()+logs.String(), "canary-signature", "a signed address is a secret")
	}
}
