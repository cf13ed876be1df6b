package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// A connection owns what it has and had, but not what it was given and never worked.
func TestOwns(t *testing.T) {
	s := healthy()
	require.True(t, family.Owns(s.State, family.MarkOf(s.State.Refresh)))
	require.False(t, family.Owns(s.State, family.MarkOf(secret("a-stranger-of-many-characters"))))
	require.False(t, family.Owns(family.State{}, family.MarkOf(s.State.Refresh)))
	earlier := secret("an-earlier-token-of-the-family")
	s.State.Record.Past = s.State.Record.Past.With(family.FingerprintOf(earlier))
	require.True(t, family.Owns(s.State, family.MarkOf(earlier)))

	s.State.Record.RotatedAt = time.Time{}
	require.False(t, family.Owns(s.State, family.MarkOf(s.State.Refresh)))
}
