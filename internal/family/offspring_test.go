package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// A process presents the ledger's own token, cannot save what it receives, and stores it in
// REFRESH_TOKEN. It dies before TOKEN_FAMILY tells whose it is: the age of the family
// is not less than that of the one it may be of.
func TestTheAgeOfWhatADyingProcessMayHaveStored(t *testing.T) {
	stored := now.Add(-3 * time.Minute)
	old := record().AuthorizedAt
	spent := func(owner string, at time.Time) *family.Intent {
		return &family.Intent{Owner: owner, Token: fp(refresh(7)), First: at, Last: at}
	}
	for _, c := range []struct {
		name   string
		intent *family.Intent
		token  string
		born   time.Time
	}{
		{"stored in the second of the spend", spent("dead", stored.Add(time.Second)), refresh(109), old},
		{"stored before", spent("dead", stored.Add(time.Second+nano)), refresh(109), stored},
		{"stored under the lease", spent("dead", stored.Add(nano-2*time.Minute)), refresh(109), old},
		{"stored after it", spent("dead", stored.Add(-2*time.Minute)), refresh(109), stored},
		{"the process has written that the answer was lost", spent("", stored.Add(-time.Minute)), refresh(109), stored},
		{"nobody has presented the own token", nil, refresh(109), stored},
		{"the token tells of another chain", spent("dead", stored.Add(-time.Minute)), rotating("other", stored), stored.Truncate(time.Second)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			s.State.Intent = c.intent
			r := s.Offspring(field(c.token, 9, stored))
			require.Equal(t, c.born, r.AuthorizedAt)
			require.Equal(t, family.FromAdoption, r.AuthorizedAtSource)
			require.Zero(t, r.Generation, "it counts as another family all the same")
		})
	}
}

// While the ledger's own token can be replayed, a candidate comes first only if it may
// be what that has yielded. Any other may be an older token, and kill what the replay saves.
func TestACandidateBesideATokenInDoubt(t *testing.T) {
	const spent = 4 * time.Minute
	doubt := func(owner string, storedAgo time.Duration) given {
		return all(inbox(refresh(109)), func(s *family.Snapshot) {
			s.State.Intent = &family.Intent{Owner: owner, Token: fp(refresh(7)), First: now.Add(-spent), Last: now.Add(-spent)}
			for i := range s.Offers {
				s.Offers[i].Modified = now.Add(-storedAgo)
			}
		})
	}
	refused := func(s *family.Snapshot) {
		s.State.Record = s.State.Record.Fail(family.Failure{Class: "permanent", At: now, Token: s.State.Record.Refresh})
	}
	for _, c := range []struct {
		name      string
		given     given
		want      family.Action
		candidate int64
	}{
		{"stored before the spend", doubt("dead", spent+time.Second+nano), family.Replay, 0},
		{"stored since, under the lease", doubt("dead", spent-time.Second), family.Rotate, 9},
		{"stored when the lease was over", doubt("dead", spent-2*time.Minute), family.Replay, 0},
		{"the process has written that the answer was lost", doubt("", spent-time.Second), family.Replay, 0},
		{"stored before the spend, in the family of the own token", all(kin, doubt("dead", spent+time.Hour)), family.Rotate, 9},
		{"stored before the spend, and the own token is refused", all(doubt("dead", spent+time.Hour), refused), family.Rotate, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decide(c.given)
			requireAction(t, c.want, d)
			require.Equal(t, c.candidate, d.Candidate.Version)
			require.True(t, d.Keep, "it stays in REFRESH_TOKEN")
		})
	}
}
