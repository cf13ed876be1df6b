package config_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

func TestEntriesOfTheList(t *testing.T) {
	l := &config.List{Source: &source{values: map[string]string{
		"/l/2": "/t/c_\n /t/a_ \n\n", "/l/1": "/t/a_,/t/b-,,canary,/other/x_\r\n/t/d/",
	}}, Root: "/t/", Connection: func(name string) family.Connection { return family.Connection{Name: name} }}
	conns, invalid, err := l.Connections(t.Context(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, []family.Connection{{Name: "/t/a_"}, {Name: "/t/b-"}, {Name: "/t/d/"}, {Name: "/t/c_"}}, conns)
	require.Len(t, invalid, 2)
	require.Equal(t, "/l/1 entry 3", invalid[0].Connection)
	require.Equal(t, "/l/1 entry 4", invalid[1].Connection)
	require.Contains(t, invalid[1].Reason, "/t/")
	require.Equal(t, keeper.Misconfigured, invalid[0].Action)
	require.NotContains(t, invalid[0].Reason+invalid[0].Connection, "canary", "an entry could be a secret in the wrong place")
}

// source is the list's parameters.
type source struct {
	values map[string]string
	err    error
	reads  int
}

func (s *source) Values(context.Context) (map[string]string, error) {
	s.reads++
	return s.values, s.err
}

func TestTheListIsReadAgain(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	s := &source{err: errors.New("throttled")}
	var logs bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logs, nil))
	l := &config.List{Source: s, Root: "/t/", Now: func() time.Time { return now },
		Connection: func(name string) family.Connection { return family.Connection{Name: name} }}
	want := func(names ...string) {
		t.Helper()
		conns, _, err := l.Connections(t.Context(), log)
		require.NoError(t, err)
		var got []string
		for _, c := range conns {
			got = append(got, c.Name)
		}
		require.Equal(t, names, got)
	}
	refused := func(why string) {
		t.Helper()
		_, _, err := l.Connections(t.Context(), log)
		require.ErrorContains(t, err, why)
	}

	refused("throttled")
	s.err = nil
	refused("names no connection")
	s.values = map[string]string{"/l/1": "canary"}
	refused("/l/1 entry 1")
	s.values["/l/1"] = "/t/a_"
	want("/t/a_")
	reads := s.reads
	s.values["/l/1"] = "/t/a_,/t/b_,canary"
	now = now.Add(config.ListAge - 1)
	want("/t/a_")
	require.Equal(t, reads, s.reads)
	now = now.Add(1)
	want("/t/a_", "/t/b_")
	require.Contains(t, logs.String(), "/l/1 entry 3")

	now = now.Add(config.ListAge)
	s.err = errors.New("denied")
	want("/t/a_", "/t/b_")
	require.Contains(t, logs.String(), "the last one stays in use")
	s.err, s.values = nil, nil
	want("/t/a_", "/t/b_")
	s.values = map[string]string{"/l/1": "/t/b_"}
	want("/t/b_")
	require.NotContains(t, logs.String(), "canary")
}
