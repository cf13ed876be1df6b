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
		believed  family.Belief
	}{
		{"none", "", false, family.Never},
		{"a token without claims", refresh(8), false, family.AtLast},
		{"of the same chain", rotating("chain", now), false, family.AtLast},
		{"issued by a clock that is behind", rotating("chain", now.Add(-time.Hour-time.Minute)), false, family.AtLast},
		{"from a cache", rotating("chain", now.Add(-2*time.Hour)), true, family.Never},
		{"from a cache, without claims", refresh(3), true, family.Never},
		{"of another connection", rotating("other", now), true, family.IfAllDiffer},
		{"the access token", atlassianToken("chain", now, "ACCESS"), true, family.Never},
		{"redacted", "REDACTED", true, family.AtLast},
		{"abridged", rotating("chain", now)[:10] + "...", true, family.AtLast},
		{"cut short", rotating("chain", now)[:80], true, family.AtLast},
	} {
		t.Run(c.name, func(t *testing.T) {
			why, believed := r.Unlikely(secret(presented), secret(c.successor), now)
			require.Equal(t, c.unlikely, why != "", why)
			require.Equal(t, c.believed, believed)
		})
	}
	t.Run("just issued, by a clock that was ahead when the presented one was", func(t *testing.T) {
		why, _ := r.Unlikely(secret(rotating("chain", now.Add(time.Hour))), secret(rotating("chain", now)), now)
		require.Empty(t, why)
	})
	t.Run("a newer token whose fingerprint begins as an older one's", func(t *testing.T) {
		newer := rotating("chain", now)
		r := record()
		r.Past = r.Past.With(fp(newer))
		why, _ := r.Unlikely(secret(presented), secret(newer), now)
		require.Empty(t, why)
	})
	t.Run("the presented token has an odd form, too", func(t *testing.T) {
		why, _ := r.Unlikely(secret("yyyyyyyyyyyyyyyyyyyyyyyy"), secret("xxxxxxxxxxxxxxxxxxxxxxxx"), now)
		require.Empty(t, why)
	})
}

// A damaged access token is not published. If the one before was odd, too, or the
// refresh token beside it, the server has come to use that form.
func TestPublishable(t *testing.T) {
	whole, odd := secret(access(8)), secret("xxxxxxxxxxxxxxxxxxxxxxxx")
	s := healthy()
	require.Equal(t, whole, family.Publishable(s, whole, whole))
	require.True(t, family.Publishable(s, atlassian.Secret{}, whole).IsZero())
	require.True(t, family.Publishable(s, odd, whole).IsZero())
	s.State.Record.Access = "" // the answer before held none that could be published
	require.Equal(t, odd, family.Publishable(s, odd, whole))
	s.State.Record.Access, s.AccessToken.Value = fp(odd.Reveal()), odd
	require.True(t, family.Publishable(s, odd, whole).IsZero(), "it is the one before")
	odd = secret("zzzzzzzzzzzzzzzzzzzzzzzz")
	require.Equal(t, odd, family.Publishable(s, odd, whole))
	require.Equal(t, whole, family.Publishable(s, whole, whole))
	s.AccessToken.Value = whole
	require.Equal(t, odd, family.Publishable(s, odd, secret("yyyyyyyyyyyyyyyyyyyyyyyy")), "so is the refresh token, which was believed")
}
