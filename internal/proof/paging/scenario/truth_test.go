package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// aWorld is a deployment with one connection, consented at the start.
func aWorld(t *testing.T, format psoxy.AccessFormat) *world {
	t.Helper()
	s, err := readStack(tokenkeeper.Template, nil)
	require.NoError(t, err)
	w, err := newWorld(s, 1, format)
	require.NoError(t, err)
	require.NoError(t, w.consent(w.victim))
	return w
}

// TestTicksComeInTheirMinute: the schedule's precision is a minute, and no two
// ticks fall together.
func TestTicksComeInTheirMinute(t *testing.T) {
	w := aWorld(t, psoxy.Raw)
	seconds := map[int]bool{}
	for k := range 2000 {
		late := w.tickAt(k).Sub(w.planned(k))
		require.GreaterOrEqual(t, late, time.Duration(0))
		require.Less(t, late, time.Minute)
		require.True(t, w.tickAt(k).Before(w.tickAt(k+1)))
		require.Equal(t, w.tickAt(k), w.tickAfter(w.tickAt(k)))
		require.Equal(t, w.tickAt(k+1), w.tickAfter(w.tickAt(k).Add(time.Second)))
		seconds[int(late.Seconds())] = true
	}
	require.Len(t, seconds, 60, "every second of a minute comes up")
}

// TestWhenARotationIsDue: what is worked out from the emulator's truth is when
// the keeper does present the token, at any moment of the cycle.
func TestWhenARotationIsDue(t *testing.T) {
	for minutes := 300; minutes < 340; minutes++ {
		w := aWorld(t, psoxy.Raw)
		var want time.Time
		at := start.Add(time.Duration(minutes)*time.Minute + 7*time.Second)
		w.at(at, func() error { want = nextRotation(w); return nil })
		require.NoError(t, w.run(at.Add(45*time.Minute)))
		events := w.em.Events()
		next := slices.IndexFunc(events, func(e atlassiantest.Event) bool { return !e.Time.Before(at) })
		require.Equal(t, want.Add(exchangeTakes), events[next].Time, "seen from %s", at)
	}
}

// TestLambdaRetries: two more attempts, after one minute and two, then the
// dead-letter queue, until it is emptied.
func TestLambdaRetries(t *testing.T) {
	w := aWorld(t, psoxy.Raw)
	w.crashing = true
	require.NoError(t, w.run(start.Add(29*time.Minute)))
	require.Equal(t, 15, w.ticks)
	require.Equal(t, 15*3-1-2, w.invocations, "but for the last three of the last two ticks, which come later")
	require.Equal(t, 13, w.deadLetters)
}

// TestPsoxyRaces: the race is one. Psoxy rotates, the keeper rotates, some
// ticks find psoxy's lock, and nothing is lost.
func TestPsoxyRaces(t *testing.T) {
	w := aWorld(t, psoxy.JSON)
	require.NoError(t, startPsoxy(w))
	require.NoError(t, w.run(start.Add(3*day)))
	by := map[string]int{}
	for _, e := range w.em.Events() {
		by[e.Presenter]++
	}
	require.Greater(t, by["psoxy"], 50)
	require.Greater(t, by["tokenkeeper"], 10)
	require.Greater(t, w.encounters, 10, "ticks that found psoxy's lock")
	f, _ := w.em.Family(w.victim.familyID)
	require.True(t, f.Alive())
}

// TestWhatIsWrittenOverTheTokenIsFound: each write is found and made good, and
// the family outlives them all.
func TestWhatIsWrittenOverTheTokenIsFound(t *testing.T) {
	w := aWorld(t, psoxy.Raw)
	require.NoError(t, startWriters(w))
	require.NoError(t, w.run(start.Add(3*day)))
	writes := int(3 * day / writersEvery)
	// One may be found in a tick that rotates.
	require.InDelta(t, writes, w.outcomes[keeper.Restored], 2)
	require.Zero(t, w.outcomes[keeper.Failed]+w.outcomes[keeper.Misconfigured]+w.outcomes[keeper.Refused])
	f, _ := w.em.Family(w.victim.familyID)
	require.True(t, f.Alive())
}
