package world

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
)

// Timeout of the function, as in the template.
const Timeout = 60 * time.Second

// Tick is one invocation.
type Tick struct {
	lambdaruntime.Result
	// Report is the answer; nil when the invocation failed.
	Report *Report
	// Lines are the lines of the log.
	Lines []map[string]any
	// AWS and Posts are the calls that the invocation made: to AWS, and to
	// Atlassian's token endpoint.
	AWS, Posts []proxy.Call
}

// Report is the answer's form.
type Report struct {
	Version     string    `json:"version"`
	Connections []Outcome `json:"connections"`
}

// Outcome is one connection's part of a report.
type Outcome struct {
	Connection                  string   `json:"connection"`
	Action                      string   `json:"action"`
	Reason                      string   `json:"reason"`
	Foreign                     string   `json:"foreign"`
	SiteLost                    string   `json:"site_lost"`
	Generation                  int      `json:"generation"`
	FamilyDaysRemaining         *float64 `json:"family_days_remaining"`
	AccessTokenSecondsRemaining *float64 `json:"access_token_seconds_remaining"`
}

// TokenEndpoint is the operation of a token request, for rules and counts.
const TokenEndpoint = "POST /oauth/token"

// SitesEndpoint is the operation of a question for the sites that a token reaches.
const SitesEndpoint = "GET /oauth/token/accessible-resources"

// Tick invokes the function with the schedule's event.
func (w *World) Tick() *Tick {
	w.t.Helper()
	return w.Invoke(w.Function, `{"action":"tick","scheduled_time":"2026-11-24T04:00:00Z"}`)
}

// Invoke invokes a function with any event, and checks its log: every line is
// JSON and tells the request id.
func (w *World) Invoke(f *lambdaruntime.Runtime, event string) *Tick {
	w.t.Helper()
	return w.InvokeWithin(f, event, Timeout)
}

// InvokeWithin is Invoke of a function with another time-out.
func (w *World) InvokeWithin(f *lambdaruntime.Runtime, event string, timeout time.Duration) *Tick {
	w.t.Helper()
	aws, posts := len(w.AWS.Calls()), len(w.Atlassian.Calls(TokenEndpoint))
	res, err := f.Invoke(w.t.Context(), []byte(event), timeout)
	require.NoError(w.t, err)
	tick := &Tick{Result: res, AWS: w.AWS.Calls()[aws:], Posts: w.Atlassian.Calls(TokenEndpoint)[posts:]}
	w.mu.Lock()
	w.payloads = append(w.payloads, string(res.Payload))
	if res.Error != nil {
		w.payloads = append(w.payloads, res.Error.Error())
	}
	w.mu.Unlock()
	for line := range strings.Lines(res.Logs) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			w.t.Errorf("a line of the log is not JSON: %s", line)
			continue
		}
		if strings.Count(line, `"request_id"`) > 1 {
			w.t.Errorf("a line of the log has more than one request id: %s", line)
		}
		tick.Lines = append(tick.Lines, fields)
	}
	if res.Error == nil {
		tick.Report = &Report{}
		require.NoError(w.t, json.Unmarshal(res.Payload, tick.Report), "the answer is %s", res.Payload)
	}
	return tick
}

// Outcome is the result for a connection: from the report or, if the invocation
// failed without one, from the log.
func (w *World) Outcome(tick *Tick, connection string) Outcome {
	w.t.Helper()
	if tick.Report != nil {
		for _, o := range tick.Report.Connections {
			if o.Connection == connection {
				return o
			}
		}
	}
	for _, line := range slices.Backward(tick.Lines) { // of several rounds the last
		if line["msg"] == "tick" && line["connection"] == connection {
			b, err := json.Marshal(line)
			require.NoError(w.t, err)
			var o Outcome
			require.NoError(w.t, json.Unmarshal(b, &o))
			return o
		}
	}
	require.Fail(w.t, "nothing tells what became of "+connection, "error: %v\nlog:\n%s", tick.Error, tick.Logs)
	return Outcome{}
}

// RequireAction checks what became of the first connection, and whether the
// invocation failed as it has to for such an action.
func (w *World) RequireAction(tick *Tick, action string) Outcome {
	w.t.Helper()
	o := w.Outcome(tick, w.Connection().Name)
	require.Equal(w.t, action, o.Action, "reason: %s\nlog:\n%s", o.Reason, tick.Logs)
	switch action {
	case "idle", "rotated", "replayed", "restored", "awaiting_consent", "contended", "refused", "misconfigured":
		require.Nil(w.t, tick.Error, "no repetition helps")
	default:
		require.NotNil(w.t, tick.Error, "the invocation must fail")
		require.Contains(w.t, tick.Error.Message, o.Connection)
		require.Contains(w.t, tick.Error.Message, action)
		require.Contains(w.t, tick.Error.Message, o.Reason)
	}
	return o
}

// Parameter is the name in a PutParameter, GetParameter or DeleteParameter call.
func Parameter(c *proxy.Call) string {
	var input struct{ Name string }
	_ = json.Unmarshal(c.Request, &input)
	return input.Name
}
