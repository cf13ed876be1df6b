package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
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

// A connection was renamed beside psoxy, and only its parameters for psoxy were copied. psoxy has
// rotated under the new name before the first tick there adopted what it found. The old name's
// token is spent, and it must not be presented: opaque tokens tell nothing.
func TestAheadByWhatWasAdopted(t *testing.T) {
	first, second := "0paque-T0ken-0f-a-family-4711-0001", "0paque-T0ken-0f-a-family-4711-0002"
	old := state()
	old.Refresh = secret(first)
	old.Record.Refresh, old.Record.Past, old.Record.Chain = family.FingerprintOf(old.Refresh), "", ""
	old.Record.RotatedAt = now.Add(-5 * time.Hour)

	var tokens []store.Entry
	for i, text := range []string{first, second} {
		at := now.Add(time.Duration(i-4) * time.Hour)
		tokens = append(tokens, store.Entry{Version: int64(i + 1), Modified: at, Value: secret(text)})
	}
	s := family.Snapshot{Connection: "new/", Now: now, RefreshToken: family.FieldOf(tokens[1])}
	state, why := s.Adopt(tokens, nil, family.DefaultPolicy())
	require.Empty(t, why)
	require.Equal(t, second, state.Refresh.Reveal())
	state.Record = state.Record.Succeed(family.Pair{Refresh: secret("0paque-T0ken-0f-a-family-4711-0003"), SpentAt: now})
	require.True(t, family.Ahead(state, old))
}
