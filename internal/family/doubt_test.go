package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// usable is the part of the leeway in which a token is presented again.
const usable = 9*minute + 30*time.Second

// attempt is what is known of attempts to present the token in use.
func attempt(owner string, first, last time.Duration) given {
	return func(s *family.Snapshot) {
		s.State.Intent = &family.Intent{Owner: owner, Token: fp(refresh(7)), First: now.Add(-first), Last: now.Add(-last)}
	}
}

// once is a single attempt.
func once(owner string, ago time.Duration) given { return attempt(owner, ago, ago) }

func TestDecideInDoubt(t *testing.T) {
	aside := func(s *family.Snapshot) {
		s.State.Doubt, s.State.Intent = s.State.Intent, &family.Intent{Token: fp("candidate"), Candidate: 8, First: now, Last: now}
	}
	psoxyDied := func(locked, wrote time.Duration) given {
		return func(s *family.Snapshot) {
			rotated(3 * time.Hour)(s)
			s.Lock = field("locked_x", 1, now.Add(-locked))
			if wrote > 0 {
				s.AccessToken = field(access(8), 9, now.Add(-wrote))
			}
		}
	}
	saved := func(ago time.Duration) given {
		return func(s *family.Snapshot) {
			s.RefreshToken = field(refresh(8), 9, now.Add(-ago))
			s.Offers = []family.Field{s.RefreshToken}
		}
	}
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
		// first is since when it is in doubt.
		first time.Duration
	}{
		{"early in the leeway", once("dead", 2*minute), family.Replay, 2 * minute},
		{"at its last moment", once("dead", usable-nano), family.Replay, usable - nano},
		{"over, and its process may hold the answer", once("dead", usable), family.InDoubt, usable},
		{"it may until twenty minutes later", once("dead", 20*minute-nano), family.InDoubt, 20*minute - nano},
		{"hardly anybody can be holding the answer any more", once("dead", 20*minute), family.Probe, 20 * minute},
		{"by this process, which holds nothing", once("me", 20*minute), family.Probe, 20 * minute},
		{"the answer was lost for certain", once("", usable), family.Probe, usable},
		{"early, the answer was lost for certain", once("", usable-nano), family.Replay, usable - nano},
		{"over for the first attempt, not for the last", attempt("dead", 30*minute, usable-nano), family.Probe, 30 * minute},
		{"over for both", attempt("dead", 30*minute, usable), family.InDoubt, 30 * minute},
		{"over for both, twenty minutes later", attempt("dead", 30*minute, 20*minute), family.Probe, 30 * minute},
		{"an attempt of the future", once("dead", -time.Hour), family.Replay, -time.Hour},
		{"by this process itself", once("me", 30*time.Second), family.Replay, 30 * time.Second},
		{"a candidate was asked about since", all(once("", 5*minute), aside), family.Replay, 5 * minute},
		{"a candidate was asked about since, later", all(once("dead", 15*minute), aside), family.InDoubt, 15 * minute},

		{"psoxy left its lock", psoxyDied(2*minute, 0), family.Replay, 2 * minute},
		{"psoxy left its lock, at the last moment", psoxyDied(usable-nano, 0), family.Replay, usable - nano},
		{"psoxy left its lock, and may still save", psoxyDied(usable, 0), family.InDoubt, usable},
		{"psoxy left its lock weeks ago", psoxyDied(500*time.Hour, 0), family.Idle, 0},
		{"psoxy died between its two writes", psoxyDied(30*minute, 29*minute), family.Probe, 30 * minute},
		{"psoxy left its lock and saved its token", all(psoxyDied(3*minute, 0), saved(3*minute)), family.Rotate, 0},
		{"what stands there is older than its lock", all(psoxyDied(3*minute, 0), saved(3*minute+nano)), family.Replay, 3 * minute},
		{"the same, and its leeway is over", all(psoxyDied(usable, 0), saved(10*minute)), family.Probe, usable},
		{"our attempt, and psoxy's lock from before it", all(once("", 3*minute), psoxyDied(8*minute, 0)), family.Replay, 8 * minute},
		{"our attempt, and psoxy's lock from after it", all(once("", 8*minute), psoxyDied(3*minute, 0)), family.Replay, 8 * minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decide(c.given)
			requireAction(t, c.want, d)
			if c.want == family.Replay || c.want == family.InDoubt || c.want == family.Probe {
				require.Equal(t, now.Add(-c.first), d.FirstSpend)
				require.False(t, d.Action == family.Replay && now.Sub(d.FirstSpend) >= family.Leeway-family.LeewayMargin)
			}
		})
	}
	t.Run("a late probe yields to another process that may hold the successor", func(t *testing.T) {
		for name, c := range map[string]struct {
			given given
			want  bool
		}{
			"its process may be dead":      {once("dead", 20*minute), true},
			"this process presented it":    {once("me", 20*minute), false},
			"nobody holds the answer":      {once("", 20*minute), false},
			"a later leeway is still open": {attempt("dead", 30*minute, usable-nano), false},
		} {
			d := decide(c.given)
			requireAction(t, family.Probe, d)
			require.Equal(t, c.want, d.Yields, name)
		}
	})
	t.Run("a missing app is said first", func(t *testing.T) {
		requireAction(t, family.Misconfigured, decide(once("", 3*minute), func(s *family.Snapshot) { s.ClientID = family.Field{} }))
	})
	t.Run("of another token there is no doubt", func(t *testing.T) {
		requireAction(t, family.Idle, decide(func(s *family.Snapshot) {
			s.State.Intent = &family.Intent{Token: fp(refresh(6)), First: now.Add(-3 * minute), Last: now.Add(-3 * minute)}
		}))
	})
}

func TestSettledDoubtEndsWithTheRotation(t *testing.T) {
	s, kept := state().Intending("me", fp(refresh(7)), 0, now.Add(-5*minute)).Settle(receipt(now))
	require.True(t, kept)
	snapshot := healthy()
	snapshot.State, snapshot.RefreshToken, snapshot.AccessToken = s, field(refresh(8), 9, now), field(access(8), 9, now)
	snapshot.State.Inbox.Seen = 9
	d := family.Decide(snapshot, family.DefaultPolicy())
	requireAction(t, family.Idle, d)
	require.Zero(t, d.FirstSpend)
}

// What may be the successor of a token in doubt is asked about once more before, as far as
// the token's own turn still comes in time.
func TestReplayWaitsForASuccessor(t *testing.T) {
	for _, c := range []struct {
		name   string
		spent  time.Duration
		count  int
		stored time.Time
		want   family.Action
	}{
		{"the token's own turn comes in time", 7*minute - nano, 1, now, family.InDoubt},
		{"it may not", 7 * minute, 1, now, family.Replay},
		{"it has been asked about once more", 2 * minute, 2, now, family.Replay},
		{"a stranger", 2 * minute, 1, time.Time{}, family.Replay},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decide(once("", c.spent), func(s *family.Snapshot) {
				s.State.Record.RotatedAt = now.Add(-time.Hour)
				s.State.Inbox.Rejected = []family.Rejected{{Version: 9, Credentials: s.Credentials(), At: now.Add(-minute / 2), Count: c.count, Stored: c.stored}}
			})
			requireAction(t, c.want, d)
		})
	}
}
