package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// What an answer brings instead of a successor.
func TestUnlikelySuccessors(t *testing.T) {
	r := record()
	r.Past = r.Past.With(fp(refresh(3)))
	presented := rotating("chain", now.Add(-time.Hour))
	for _, c := range []struct {
		name      string
		successor string
		unlikely  bool
		certain   bool
	}{
		{"none", "", false, false},
		{"a token without claims", refresh(8), false, false},
		{"of the same chain", rotating("chain", now), false, false},
		{"issued by a clock that is behind", rotating("chain", now.Add(-time.Hour-time.Minute)), false, false},
		{"from a cache", rotating("chain", now.Add(-2*time.Hour)), true, true},
		{"from a cache, without claims", refresh(3), true, true},
		{"of another connection", rotating("other", now), true, true},
		{"the access token", atlassianToken("chain", now, "ACCESS"), true, true},
		{"redacted", "REDACTED", true, false},
		{"abridged", rotating("chain", now)[:10] + "...", true, false},
		{"cut short", rotating("chain", now)[:80], true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			why, certain := r.Unlikely(secret(presented), secret(c.successor))
			require.Equal(t, c.unlikely, why != "", why)
			require.Equal(t, c.certain, certain)
		})
	}
	t.Run("a newer token whose fingerprint begins as an older one's", func(t *testing.T) {
		newer := rotating("chain", now)
		r := record()
		r.Past = r.Past.With(fp(newer))
		why, _ := r.Unlikely(secret(presented), secret(newer))
		require.Empty(t, why)
	})
	t.Run("the presented token has an odd form, too", func(t *testing.T) {
		why, _ := r.Unlikely(secret("yyyyyyyyyyyyyyyyyyyyyyyy"), secret("xxxxxxxxxxxxxxxxxxxxxxxx"))
		require.Empty(t, why)
	})
}

// A damaged access token is not published. If the one before was odd, too, the server has
// come to use that form.
func TestPublishable(t *testing.T) {
	whole, odd := secret(access(8)), secret("xxxxxxxxxxxxxxxxxxxxxxxx")
	s := healthy()
	require.Equal(t, whole, family.Publishable(s, whole))
	require.True(t, family.Publishable(s, atlassian.Secret{}).IsZero())
	require.True(t, family.Publishable(s, odd).IsZero())
	s.State.Record.Access = "" // the answer before held none that could be published
	require.Equal(t, odd, family.Publishable(s, odd))
	s.State.Record.Access, s.AccessToken.Value = fp(odd.Reveal()), odd
	require.Equal(t, odd, family.Publishable(s, odd))
	require.Equal(t, whole, family.Publishable(s, whole))
}
