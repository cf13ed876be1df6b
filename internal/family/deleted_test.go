package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// begun is a connection whose ledger has just begun anew with the newest of these tokens,
// or with the one that the record names. A rotation is due.
func begun(t *testing.T, r family.Record, tokens []store.Entry, change ...given) given {
	r.AccessExpiresAt = now
	s, why := adopt(tokens, past(r.Encode().Reveal()), change...)
	require.Empty(t, why)
	read, err := family.ParseState(s.Encode(), now, conn)
	require.NoError(t, err)
	return all(func(s *family.Snapshot) { s.State, s.Written = read, now }, all(change...))
}

// later is a look at it after some time.
func later(d time.Duration) given { return func(s *family.Snapshot) { s.Now = now.Add(d) } }

// A process whose intent was in a deleted ledger may still be presenting the token, and
// is waited for as if the intent had been written when the ledger began anew.
func TestWhatADeletedLedgerToldIsWaitedFor(t *testing.T) {
	waits := func(t *testing.T, s given, during ...given) {
		t.Helper()
		for _, ago := range []time.Duration{0, family.Lease - nano} {
			d := decide(s, later(ago), all(during...))
			require.Equal(t, family.InDoubt, d.Action, d.Reason)
			require.Contains(t, d.Reason, "the ledger was deleted")
			require.Contains(t, d.Reason, now.Add(family.Lease).Format(time.RFC3339))
			require.Equal(t, now, d.LastSpend)
			require.True(t, d.Urgent(now))
		}
	}
	lock := func(first time.Duration) given {
		return func(s *family.Snapshot) {
			s.Lock = field(`locked_1764000000000 {"owner":"dead/1","spending":"`+string(fp(refresh(7)))+`","first_spend":"`+now.Add(-first).Format(time.RFC3339Nano)+`"}`, 1, now.Add(-3*minute))
		}
	}
	for name, tokens := range map[string][]store.Entry{
		"then the token is presented, as one in doubt": past(refresh(6), refresh(7)),
		"also where something else stands over it":     past(refresh(7), refresh(6)),
	} {
		t.Run(name, func(t *testing.T) {
			s := begun(t, record(), tokens)
			waits(t, s)
			d := decide(s, later(family.Lease))
			require.Equal(t, family.Replay, d.Action, d.Reason)
			require.Equal(t, now, d.FirstSpend)
		})
	}
	t.Run("a pair that is held is settled meanwhile", func(t *testing.T) {
		s := begun(t, record(), past(refresh(6), refresh(7)))
		d := decide(s, func(s *family.Snapshot) { s.Held = s.Received(pair(8, now.Add(-time.Second)), family.Field{}) })
		require.Equal(t, family.SettleHeld, d.Action, "nobody is known to have presented its token since")
	})
	t.Run("what is settled meanwhile is waited for too, and its doubt is not forgotten", func(t *testing.T) {
		known := state().Intending("dead", fp(refresh(7)), 0, now.Add(-3*minute))
		known.Record, known.Refresh = known.Record.Succeed(pair(8, now.Add(-3*minute))), secret(refresh(8))
		known.Intent.Token = fp(refresh(8))
		s := all(begun(t, record(), past(refresh(7))), func(s *family.Snapshot) {
			var kept bool
			s.State, kept = s.State.Settle(*known.Receipt())
			require.True(t, kept)
		})
		waits(t, s)
		d := decide(s, later(family.Lease))
		require.Equal(t, family.Replay, d.Action, d.Reason)
		require.Equal(t, now.Add(-3*minute), d.FirstSpend)
	})
	t.Run("what is stored meanwhile may be the successor, and comes before the token", func(t *testing.T) {
		for ago, want := range map[time.Duration]int64{time.Second: 3, family.Lease: 0} {
			s := begun(t, record(), past(refresh(6), refresh(7)))
			d := decide(s, later(family.Lease+time.Minute), func(s *family.Snapshot) {
				stored := append(past(refresh(6), refresh(7)), store.Entry{Value: secret(refresh(8)), Version: 3, Modified: now.Add(ago)})
				s.RefreshToken = family.FieldOf(stored[2])
				s.Offer(stored)
			})
			require.Equal(t, want, d.Candidate.Version, d.Reason)
		}
	})
	t.Run("a doubt of the first edition stays, while its leeway has time for the next tick", func(t *testing.T) {
		const enough = usable - family.TickInterval - nano
		s := begun(t, record(), past(refresh(7)), lock(enough))
		waits(t, s)
		d := decide(s, later(family.Lease))
		require.Equal(t, family.Replay, d.Action, d.Reason)
		require.Equal(t, now.Add(-enough), d.FirstSpend)
	})
	t.Run("and one with less time is not waited for", func(t *testing.T) {
		d := decide(begun(t, record(), past(refresh(7)), lock(usable-family.TickInterval)))
		require.Equal(t, family.Replay, d.Action, d.Reason)
	})
	t.Run("whether the first edition's lock tells of it, or psoxy's", func(t *testing.T) {
		for left, want := range map[time.Duration]family.Action{usable - family.TickInterval - nano: family.InDoubt, usable - family.TickInterval: family.Replay} {
			d := decide(begun(t, record(), past(refresh(7))), func(s *family.Snapshot) { s.Lock = field("locked_1764000000000", 1, now.Add(-left)) })
			require.Equal(t, want, d.Action, d.Reason)
		}
	})
	t.Run("nobody is waited for where the first edition wrote TOKEN_FAMILY, which had no ledger", func(t *testing.T) {
		first := record()
		first.Schema = 1
		d := decide(begun(t, first, past(refresh(6), refresh(7))))
		require.Equal(t, family.Rotate, d.Action, d.Reason)
		d = decide(begun(t, first, past(refresh(6), refresh(7)), lock(3*minute)))
		require.Equal(t, family.Replay, d.Action, d.Reason)
	})
}
