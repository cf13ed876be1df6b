package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// event is what our schedule sends. Everything in it may be absent: `{}`, or no
// payload, asks for a tick as well.
type event struct {
	// Action is "tick", or "health", which asks how the connections are.
	Action string `json:"action"`
	// Connection is the one that health asks about; empty means all.
	Connection string `json:"connection"`
	// ScheduledTime is the same for every delivery of one event. A tick needs no
	// such key, it is idempotent; the log shows it.
	ScheduledTime time.Time `json:"scheduled_time"`
}

// The actions of an event.
const (
	actionTick   = "tick"
	actionHealth = "health"
)

// standardEvent is what EventBridge itself sends on a schedule: a rule
// ("source":"aws.events"), or Scheduler where no input is set ("aws.scheduler").
// Its other fields mean nothing to a tick
// (EventBridge User Guide, "Events from AWS services").
type standardEvent struct {
	Source     string    `json:"source"`
	DetailType string    `json:"detail-type"`
	Time       time.Time `json:"time"`
}

// parseStandardEvent recognizes EventBridge's own event.
func parseStandardEvent(payload []byte) (event, bool) {
	var e standardEvent
	if json.Unmarshal(payload, &e) != nil || e.DetailType != "Scheduled Event" || e.Source != "aws.events" && e.Source != "aws.scheduler" {
		return event{}, false
	}
	return event{Action: "tick", ScheduledTime: e.Time}, true
}

// UnexpectedEvent is the error type of an event that is not ours.
type UnexpectedEvent struct{ problem string }

// Error says what was wrong and what is expected.
func (e UnexpectedEvent) Error() string {
	return e.problem + `: expected {"action":"tick","scheduled_time":"2026-11-24T04:00:00Z"} from the schedule, EventBridge's "Scheduled Event", {"action":"health"} or {}; nothing was done`
}

// parseEvent accepts our own event and EventBridge's scheduled one only. An event
// of another service means that a trigger invokes the wrong function.
func parseEvent(payload json.RawMessage) (event, error) {
	var e event
	if trimmed := bytes.Trim(payload, " \t\r\n"); len(trimmed) == 0 || string(trimmed) == "null" {
		return e, nil
	}
	if e, ok := parseStandardEvent(payload); ok {
		return e, nil
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok && len(name) < 60 {
			return event{}, UnexpectedEvent{"the event has a field " + name}
		}
		return event{}, UnexpectedEvent{"the event is not of the form that the schedule sends"}
	}
	if _, err := dec.Token(); err != io.EOF {
		return event{}, UnexpectedEvent{"something follows the event"}
	}
	if e.Action != "" && e.Action != actionTick && e.Action != actionHealth {
		return event{}, UnexpectedEvent{"the event asks for another action than tick or health"}
	}
	if e.Connection != "" && e.Action != actionHealth {
		return event{}, UnexpectedEvent{"the event names a connection, but a tick serves all"}
	}
	return e, nil
}
