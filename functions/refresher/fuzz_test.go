package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParseEvent: an event is a tick or an UnexpectedEvent, whose text quotes
// nothing that could be a token.
func FuzzParseEvent(f *testing.F) {
	const canary = "canary-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"
	for _, s := range []string{"", "null", "{}", `{"action":"tick","scheduled_time":"2026-11-24T04:00:00Z"}`, `{"action":"rotate"}`, `{"Records":[]}`,
		`{"`, `{"action":"`, `{"scheduled_time":"`, `{} {}`, "[", `"tick"`, "17", `{"action":null}`, "\x00"} {
		f.Add([]byte(s), []byte{})
		f.Add([]byte(s), []byte(`":1}`))
	}
	f.Add([]byte("null"), []byte("\f"))
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		for _, payload := range []string{string(head) + string(tail), string(head) + canary + string(tail)} {
			e, err := parseEvent(json.RawMessage(payload))
			if err != nil {
				require.True(t, errors.As(err, &UnexpectedEvent{}))
				require.NotContains(t, err.Error(), canary)
				require.Less(t, len(err.Error()), 300, "it repeats the event")
				require.Zero(t, e)
				continue
			}
			require.Contains(t, []string{"", "tick"}, e.Action)
			if len(bytes.TrimSpace([]byte(payload))) > 0 {
				require.True(t, json.Valid([]byte(payload)), "more than an event was accepted")
			}
		}
	})
}
