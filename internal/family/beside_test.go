package family_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// beside says that psoxy rotates too.
func beside(s *family.Snapshot) { s.AccessFormat = psoxy.JSON }

// Beside psoxy a token that stands over another may be its successor: only the
// newest is presented, and with it the others are known as older.
func TestCandidatesBesidePsoxy(t *testing.T) {
	one, two, three := refresh(109), refresh(110), refresh(111)
	chained := func(chain string) string { return rotating(chain, now.Add(-3*minute)) }
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
		// candidate is its version, seen what is judged without it.
		candidate, seen int64
		// spent are the versions that are older with it.
		spent []string
	}{
		{"psoxy rotated once", inbox(one), family.Rotate, 9, 8, nil},
		{"and again", inbox(one, two), family.Rotate, 10, 8, []string{one}},
		{"and a third time", inbox(one, two, three), family.Rotate, 11, 8, []string{one, two}},
		{"a placeholder between, for longer than psoxy keeps anything", all(inbox(one, "CHANGE_ME", two), func(s *family.Snapshot) {
			s.Offers[2].Modified = s.Offers[2].Modified.Add(psoxy.CacheFor)
		}), family.Rotate, 11, 8, nil},
		{"a placeholder between", inbox(one, "CHANGE_ME", two), family.Rotate, 11, 8, []string{one}},
		{"our copy between, and psoxy may have kept the older one", inbox(one, refresh(7), two), family.Rotate, 11, 8, []string{one}},
		{"our copy between, for longer than psoxy keeps anything", all(inbox(one, refresh(7), two), func(s *family.Snapshot) {
			s.Offers[2].Modified = s.Offers[2].Modified.Add(psoxy.CacheFor)
		}), family.Rotate, 11, 8, nil},
		{"of another chain: it begins a family", inbox(chained("a"), chained("b")), family.Rotate, 10, 8, []string{chained("a")}},
		{"of one chain", inbox(chained("a"), rotating("a", now.Add(-minute))), family.Rotate, 10, 8, []string{chained("a")}},
		{"the older one in doubt", all(pending(3*minute), inbox(one, two)), family.Replay, 9, 8, []string{two}},
		{"the older one in doubt, the newer one refused", all(pending(3*minute), refusedAt(10, 1), inbox(one, two)), family.Replay, 9, 8, nil},
		{"the newer one refused once", all(refusedAt(10, 1), inbox(one, two)), family.Idle, 0, 8, nil},
		{"the newer one refused twice", all(refusedAt(10, 2), inbox(one, two)), family.Rotate, 9, 8, nil},
		{"one in doubt, its leeway over, and a rotation is due", all(dueAnyway, pending(9*minute), inbox(one)), family.Probe, 9, 8, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			all(beside, c.given)(&s)
			d := family.Decide(s, family.DefaultPolicy())
			requireAction(t, c.want, d)
			require.Equal(t, c.candidate, d.Candidate.Version)
			require.Equal(t, c.seen, d.Seen)
			if c.candidate == 0 {
				require.True(t, d.Keep, "what may be psoxy's is not written over")
				return
			}
			past := s.Offspring(d.Candidate).Past
			for _, token := range []string{one, two, chained("a")} {
				require.Equal(t, slices.Contains(c.spent, token), past.Has(fp(token)))
			}
		})
	}
	t.Run("nobody else rotates: the newest begins a family, and the others are older", func(t *testing.T) {
		s := healthy()
		inbox(one, two)(&s)
		r := s.Offspring(family.Decide(s, family.DefaultPolicy()).Candidate)
		require.Zero(t, r.Generation)
		require.True(t, r.Past.Has(fp(one)))
	})
}

// refusedAt says that Atlassian did not accept a version half a minute ago.
func refusedAt(version int64, count int) given {
	return func(s *family.Snapshot) {
		s.State.Inbox.Rejected = []family.Rejected{{Version: version, Credentials: s.Credentials(), At: now.Add(-30 * time.Second), Count: count}}
	}
}

// What psoxy may have stored has to be known before the family's own is presented.
func TestNothingIsPresentedBlindlyBesidePsoxy(t *testing.T) {
	unreadable := func(s *family.Snapshot) {
		s.RefreshToken, s.Denied = family.Field{}, []string{names.RefreshToken}
	}
	requireAction(t, family.Misconfigured, decide(beside, dueAnyway, unreadable))
	requireAction(t, family.Misconfigured, decide(beside, doubted(3*minute), unreadable))
	requireAction(t, family.Idle, decide(beside, unreadable))
	requireAction(t, family.Rotate, decide(dueAnyway, unreadable))
}

// Of what our own processes spent the ledger tells: their locks tell nothing, and
// ticks do not wait for one another's.
func TestOurOwnLock(t *testing.T) {
	locked := func(value string, ago time.Duration) given {
		return func(s *family.Snapshot) {
			rotated(3 * time.Hour)(s)
			s.Lock = field(value, 1, now.Add(-ago))
		}
	}
	for _, c := range []struct {
		name, value string
		fresh, left family.Action
	}{
		{"psoxy's", "locked_1764000000000", family.Contended, family.Replay},
		{"of a tick", "locked_1764000000000 " + psoxy.ForTick + "other/1", family.Idle, family.Idle},
		{"of a consent", "locked_1764000000000 other/1", family.Contended, family.Idle},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireAction(t, c.fresh, decide(locked(c.value, minute)))
			requireAction(t, c.left, decide(locked(c.value, 3*minute)))
		})
	}
}
