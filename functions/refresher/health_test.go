package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// asked is a function with the connections A_ and B_, which a tick has found as the
// outcomes say.
func asked(t *testing.T, st store.Store, outcomes ...keeper.Outcome) func(context.Context, json.RawMessage) (any, error) {
	t.Helper()
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "tk-refresher")
	look := &looker{store: st, warning: 60, last: 1, connections: func(context.Context, *slog.Logger) ([]family.Connection, error) {
		return []family.Connection{{Name: "A_", Policy: family.DefaultPolicy()}, {Name: "B_", Policy: family.DefaultPolicy()}}, nil
	}}
	serve := handler(slog.New(slog.DiscardHandler), deployment{}, func(context.Context, *slog.Logger) (fleet.Report, error) {
		return fleet.Report{Connections: outcomes}, nil
	}, look)
	if len(outcomes) > 0 {
		_, err := serve(t.Context(), json.RawMessage(`{"action":"tick"}`))
		require.NoError(t, err)
	}
	return serve
}

// A caller who may invoke the function learns how the connections are, and no
// secret.
func TestHealth(t *testing.T) {
	st := memstore.New(time.Now)
	for _, name := range []string{"A_CLIENT_ID", "A_CLIENT_SECRET", "A_REFRESH_TOKEN"} {
		_, err := st.Write(t.Context(), name, atlassian.NewSecret("a-canary-0123456789-of-"+name), store.Encrypted)
		require.NoError(t, err)
	}
	serve := asked(t, st)
	answer, err := serve(t.Context(), json.RawMessage(`{"action":"health"}`))
	require.NoError(t, err)
	all := answer.(health.Answer).Connections
	require.Len(t, all, 2)
	require.Equal(t, health.NotKept, all[0].State)
	require.Equal(t, "tokenkeeper tick --function tk-refresher", all[0].Do)
	require.Nil(t, all[0].Tick)
	require.Equal(t, health.AwaitingConsent, all[1].State, "what the function serves is awaited, and not missing")
	text, err := json.Marshal(answer)
	require.NoError(t, err)
	require.NotContains(t, string(text), "canary")

	answer, err = serve(t.Context(), json.RawMessage(`{"action":"health","connection":"B_"}`))
	require.NoError(t, err)
	require.Len(t, answer.(health.Answer).Connections, 1)
	_, err = serve(t.Context(), json.RawMessage(`{"action":"health","connection":"AA_"}`))
	require.Equal(t, UnknownConnection{"AA_", []string{"A_", "B_"}}, err)
	require.EqualError(t, err, `this function serves no connection "AA_": expected A_ or B_`)
}

// The last tick of the process is part of the answer: it knows what the store does
// not tell.
func TestHealthKnowsTheLastTick(t *testing.T) {
	serve := asked(t, memstore.New(time.Now), keeper.Outcome{Connection: "A_", Action: keeper.Failed, Reason: "no writes"},
		keeper.Outcome{Connection: "B_", Action: keeper.Postponed, Reason: "the time was up"})
	answer, err := serve(t.Context(), json.RawMessage(`{"action":"health"}`))
	require.NoError(t, err)
	all := answer.(health.Answer).Connections
	require.Equal(t, keeper.Failed, all[0].Tick.Action)
	require.Equal(t, "no writes", all[0].Tick.Reason)
	require.WithinDuration(t, time.Now(), all[0].Tick.At, time.Minute)
	require.Equal(t, keeper.Postponed, all[1].Tick.Action)
}

// unreachable is a store that does not answer.
type unreachable struct{ store.Store }

func (unreachable) Read(context.Context, ...string) (map[string]store.Entry, error) {
	return nil, errors.New("no answer")
}

func TestHealthWithoutTheStore(t *testing.T) {
	answer, err := asked(t, unreachable{})(t.Context(), json.RawMessage(`{"action":"health"}`))
	require.NoError(t, err)
	for _, r := range answer.(health.Answer).Connections {
		require.Equal(t, health.Unreadable, r.State)
		require.Contains(t, r.Verdict, "no answer: see why: tokenkeeper doctor --stack tk")
	}
}

func TestEventsOfHealth(t *testing.T) {
	e, err := parseEvent(json.RawMessage(`{"action":"health","connection":"A_"}`))
	require.NoError(t, err)
	require.Equal(t, event{Action: actionHealth, Connection: "A_"}, e)
	_, err = parseEvent(json.RawMessage(`{"action":"tick","connection":"A_"}`))
	require.ErrorContains(t, err, "a tick serves all")
	_, err = parseEvent(json.RawMessage(`{"action":"rotate"}`))
	require.ErrorContains(t, err, "another action than tick or health")
}
