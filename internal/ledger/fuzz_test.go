package ledger_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

var start = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)

// entryText is the value that a writer puts.
func entryText(t testing.TB, of string, base int, mark, state string) string {
	t.Helper()
	mem := memstore.New(func() time.Time { return start })
	l, last := &ledger.Ledger{Log: ledger.Parameter{Store: mem, Name: name}, Of: of}, ledger.Entry{}
	for range base + 1 {
		var err error
		last, err = l.Put(t.Context(), ledger.NewDraft(of, last, atlassian.NewSecret(state), start, mark))
		require.NoError(t, err)
	}
	found, err := mem.Read(t.Context(), name)
	require.NoError(t, err)
	return found[name].Value.Reveal()
}

// FuzzEntry: the parameter may hold anything. Reading it neither panics nor fails,
// its state is JSON of this connection, and an entry on top of it is valid for all
// readers.
func FuzzEntry(f *testing.F) {
	for _, state := range []string{`{}`, `"text"`, `{"refresh":"x","record":{}}`} {
		for base := range 3 {
			whole := entryText(f, of, base, "m", state)
			f.Add(whole, "")
			f.Add(whole[:len(whole)/2], whole)
			f.Add(whole, strings.Replace(whole, of, "OTHER_", 1))
			f.Add(strings.Replace(whole, `"base":`, `"base":-`, 1), "fill me")
			f.Add(strings.Replace(whole, "2026-", "9999-", 1), whole)
			f.Add(strings.Replace(whole, `"at":"`, `"at":"x`, 1), "null")
		}
	}
	f.Add(`{"of":"PSOXY_JIRA_CLOUD_","base":1,"mark":"m","at":"2026-11-24T04:00:00Z","state":null}`, `[]`)
	f.Fuzz(func(t *testing.T, first, second string) {
		mem := memstore.New(func() time.Time { return start })
		for _, value := range []string{first, second} {
			// What no store can hold is absent.
			_, _ = mem.Write(t.Context(), name, atlassian.NewSecret(value), store.Encrypted)
		}
		newest := func() store.Entry {
			found, err := mem.Read(t.Context(), name)
			require.NoError(t, err)
			return found[name]
		}
		log := ledger.Parameter{Store: mem, Name: name}
		l := &ledger.Ledger{Log: log, Of: of}
		last, err := l.Newest(t.Context(), newest())
		require.NoError(t, err)
		if !last.State.IsZero() {
			require.True(t, json.Valid([]byte(last.State.Reveal())))
		}
		if peeked := ledger.Peek(newest(), of); !peeked.State.IsZero() {
			require.True(t, json.Valid([]byte(peeked.State.Reveal())))
		}
		_, err = l.Put(t.Context(), ledger.NewDraft(of, last, atlassian.NewSecret(`"next"`), start, "next"))
		require.NoError(t, err)
		for _, reader := range []*ledger.Ledger{l, {Log: log, Of: of}} {
			e, err := reader.Newest(t.Context(), newest())
			require.NoError(t, err)
			require.Equal(t, `"next"`, e.State.Reveal())
		}
	})
}
