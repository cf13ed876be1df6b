package gcp

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	"github.com/tokenkeeper/tokenkeeper/test/cloudmonitoring"
)

// TestTheSeedsFiveSecrets: filled in by hand, adopted, rotated, and consented again.
// psoxy reads the current token at every step.
func TestTheSeedsFiveSecrets(t *testing.T) {
	t.Parallel()
	for _, labelled := range []bool{false, true} {
		t.Run(fmt.Sprint("psoxy's label: ", labelled), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.terraform()
			w.requireAction("awaiting_consent")
			w = newWorld(t)
			w.seed()
			if labelled { // psoxy has refreshed by itself before
				w.label("ACCESS_TOKEN", "1")
				w.label("REFRESH_TOKEN", "1")
			}
			require.Equal(t, 1, w.requireAction("rotated").generation)
			w.requireCurrent()
			w.requireAction("idle")
			for generation := 2; generation < 5; generation++ {
				w.pass(36 * time.Minute)
				require.Equal(t, generation, w.requireAction("rotated").generation)
				w.requireCurrent()
			}
			w.consent()
			w.requireAction("rotated")
			w.requireCurrent()
			w.pass(36 * time.Minute)
			w.requireAction("rotated")
			w.requireCurrent()
			require.Len(t, w.monitoring.Points(cloudmonitoring.Metric{Type: monitoringsink.Prefix + metrics.Heartbeat}), 7)
			days := w.monitoring.Points(cloudmonitoring.Metric{Type: monitoringsink.OfAConnection + metrics.FamilyDaysRemaining, Connection: connection})
			require.InDelta(t, 365, days[len(days)-1].Value, 0.1)
		})
	}
}

// TestPropagationTakesTime: while only versions by their numbers propagate, rotation
// goes on, and so does psoxy once it all has.
func TestPropagationTakesTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	w.requireAction("rotated")
	w.secrets.Freeze()
	for range 3 {
		w.pass(36 * time.Minute)
		w.requireAction("rotated")
		w.requireAction("idle")
	}
	w.secrets.Thaw()
	w.requireCurrent()
}

// TestTimesThatAreNotKnownYet: a new instance spends nothing before it is told when the
// ledger was written last.
func TestTimesThatAreNotKnownYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.seed()
	w.secrets.FreezeAll() // without what was just filled in
	w.requireAction("rotated")
	w.stop()
	w.pass(36 * time.Minute)
	posts := len(w.front.Calls(tokenEndpoint))
	require.Contains(t, w.requireAction("failed").reason, "does not tell yet when it was added")
	require.Len(t, w.front.Calls(tokenEndpoint), posts)
	w.secrets.Thaw()
	w.requireAction("rotated")
	w.requireCurrent()
}
