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
