package family

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSiteDue(t *testing.T) {
	at := time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		missing int
		holds   time.Duration
	}{
		"there":   {0, 24 * time.Hour},
		"missing": {1, 5 * time.Minute},
		"gone":    {2, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			r := Record{SiteAskedAt: at, SiteMissing: tt.missing}
			require.False(t, siteDue(r, at.Add(tt.holds-1)))
			require.True(t, siteDue(r, at.Add(tt.holds)))
			require.Equal(t, tt.missing == 2, r.SiteGone())
		})
	}
	require.True(t, siteDue(Record{}, at), "never asked")
	require.True(t, siteDue(Record{SiteAskedAt: at.Add(2 * ClockTolerance)}, at), "a time that is yet to come")
	require.False(t, siteDue(Record{SiteAskedAt: at.Add(ClockTolerance / 2)}, at))
}

func TestSiteAnswered(t *testing.T) {
	at := time.Date(2026, 11, 24, 4, 0, 0, 1, time.UTC)
	r := Record{}.SiteAnswered(false, at)
	require.Equal(t, 1, r.SiteMissing)
	require.Equal(t, at.Truncate(time.Millisecond), r.SiteAskedAt)
	r = r.SiteAnswered(false, at).SiteAnswered(false, at)
	require.Equal(t, 2, r.SiteMissing, "no more is counted")
	require.Zero(t, r.SiteAnswered(true, at).SiteMissing)
}

func siteDue(r Record, now time.Time) bool {
	return SiteDue(Snapshot{Now: now, State: State{Record: r}})
}

// A changed CLOUD_ID is asked about at once, where the site was missing.
func TestSiteDueWhenCloudIDChanges(t *testing.T) {
	at := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	s := Snapshot{Now: at.Add(time.Minute), CloudID: Field{Modified: at.Add(time.Second)}, State: State{Record: Record{SiteAskedAt: at, SiteMissing: 2}}}
	require.True(t, SiteDue(s))
	s.State.Record.SiteMissing = 0
	require.False(t, SiteDue(s))
}
