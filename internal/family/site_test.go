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
			require.False(t, r.SiteDue(at.Add(tt.holds-1)))
			require.True(t, r.SiteDue(at.Add(tt.holds)))
			require.Equal(t, tt.missing == 2, r.SiteGone())
		})
	}
	require.True(t, Record{}.SiteDue(at), "never asked")
	require.True(t, Record{SiteAskedAt: at.Add(2 * ClockTolerance)}.SiteDue(at), "a time that is yet to come")
	require.False(t, Record{SiteAskedAt: at.Add(ClockTolerance / 2)}.SiteDue(at))
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
