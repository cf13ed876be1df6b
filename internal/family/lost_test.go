package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// A family that counts as lost because Atlassian could not read its requests stays so where a
// gateway answers 404, and its refusal is written down as one.
func TestLostByMalformedAnswers(t *testing.T) {
	lost := state().Record
	f := family.Failure{Class: "malformed", Code: "invalid_request", Token: lost.Refresh}
	for i := range 5 {
		f.At = now.Add(time.Duration(i) * 20 * time.Minute)
		lost = lost.Fail(f)
	}
	require.True(t, family.Lost(lost))
	t.Run("a gateway's 404", func(t *testing.T) {
		r := lost.Fail(family.Failure{Class: "malformed", Token: lost.Refresh, At: f.At.Add(time.Hour)})
		require.True(t, r.Refused())
	})
	t.Run("a refusal", func(t *testing.T) {
		r := lost.Fail(family.Failure{Class: "permanent", Code: "unauthorized_client", Token: lost.Refresh, At: f.At.Add(time.Hour)})
		require.Equal(t, "permanent", r.LastFailure.Class)
	})
}
