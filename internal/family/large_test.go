package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// A token whose successor might not fit into a parameter is not spent. A stranger's does not
// keep the own one from its rotation. Psoxy's stays, for the own one may be dead.
func TestACandidateThatIsTooLarge(t *testing.T) {
	large := opaque(5020) // in Base64
	d := decide(dueAnyway, inbox(large))
	requireAction(t, family.Rotate, d)
	require.Zero(t, d.Candidate.Version)
	require.False(t, d.Keep)
	require.Contains(t, d.Notice, "6694 bytes")

	d = decide(dueAnyway, beside, byPsoxy, inbox(large))
	requireAction(t, family.Misconfigured, d)
	require.Contains(t, d.Reason, "6694 bytes")
	require.True(t, d.Keep, "it is not written over")

	d = decide(dueAnyway, inbox(opaque(5019)))
	require.Equal(t, int64(9), d.Candidate.Version)
}

// The rotation of a token whose access token has no known end waits as any other does.
func TestNoRotationJustAfterAnother(t *testing.T) {
	unknown := func(s *family.Snapshot) { s.State.Record.Access, s.State.Record.AccessExpiresAt = "", time.Time{} }
	requireAction(t, family.Idle, decide(rotated(210*time.Second-nano), unknown))
	requireAction(t, family.Rotate, decide(rotated(210*time.Second), unknown))
}
