package family_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
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

	consented := s.State
	consented.Record.AuthorizedAtSource = family.FromConsent
	consented.Record.Generation = 1
	require.True(t, family.Owns(consented, family.MarkOf(earlier)))
	consented.Record.Generation = 0
	require.False(t, family.Owns(consented, family.MarkOf(earlier)), "it lay under the consent")
	consented.Record.AccessFormat = psoxy.JSON
	require.True(t, family.Owns(consented, family.MarkOf(earlier)), "psoxy may have rotated it")

	s.State.Record.RotatedAt, s.State.Record.AuthorizedAtSource = time.Time{}, family.FromAdoption
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
	require.True(t, family.Ahead(state, old, now))
}

// A token that is served was received lately, and whether a neighbour has spent it is asked before
// each of its rotations. 30 bits that are equal by chance keep it from none.
func TestAheadOfAServedToken(t *testing.T) {
	served := func() family.State {
		s := state()
		s.Record.Generation, s.Record.Chain = 5, ""
		s.Record.RotatedAt = now.Add(-40 * time.Minute)
		s.Record.Past = s.Record.Past.With("aaaa00000000").With("bbbb00000000")
		return s
	}
	// other has gone on from what a copy knew, by so many rotations.
	other := func(own family.State, past family.Past, rotations int) family.State {
		o := own
		o.Record.Past = past.With(own.Record.Refresh)
		for i := range rotations {
			o.Record.Refresh = family.Fingerprint(fmt.Sprintf("%04x0000bbbb", 100+i))
			if i > 0 {
				o.Record.Past = o.Record.Past.With(family.Fingerprint(fmt.Sprintf("%04x0000bbbb", 99+i)))
			}
		}
		o.Record.RotatedAt = now.Add(-time.Minute)
		return o
	}
	foreign := family.Past("").With("11111111cccc").With("22222222cccc")
	for name, c := range map[string]struct {
		past       family.Past
		chain      family.Fingerprint
		generation int
		rotations  int
		want       bool
	}{
		"all was copied":                           {served().Record.Past, "", 6, 1, true},
		"all was copied, some rotations ago":       {served().Record.Past, "", 8, 3, true},
		"the token alone was copied":               {foreign, "", 1, 1, true},
		"the token alone, some rotations ago":      {foreign, "", 3, 3, true},
		"the chain tells":                          {foreign, "a-chain", 50, 2, true},
		"equal by chance":                          {foreign, "", 50, 2, false},
		"equal by chance, before the family began": {foreign, "", 1, 2, false},
		"more rotations than there was time for":   {served().Record.Past, "", 80, 60, false},
	} {
		t.Run(name, func(t *testing.T) {
			own := served()
			own.Record.Chain = c.chain
			o := other(own, c.past, c.rotations)
			o.Record.Generation = c.generation
			require.Equal(t, c.want, family.Ahead(o, own, now))
			require.False(t, family.Ahead(own, o, now))
			own.Record.RotatedAt = own.Record.RotatedAt.Add(time.Hour)
			require.False(t, family.Ahead(o, own, now), "what was received since is no copy")
		})
	}
}

// A ledger began with a token that Atlassian gave to another connection: that one goes on with it.
func TestAheadWithTheSameToken(t *testing.T) {
	kept := state()
	adopted := kept
	adopted.Record.RotatedAt, adopted.Record.AuthorizedAtSource = time.Time{}, family.FromPerson
	require.True(t, family.Ahead(kept, adopted, now))
	require.False(t, family.Ahead(adopted, kept, now))
	require.False(t, family.Ahead(adopted, adopted, now), "one of the two goes on")
	require.False(t, family.Ahead(family.State{}, family.State{}, now))
}
