package health

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// The verdict changes at these moments, and not a nanosecond before.
func TestEdges(t *testing.T) {
	born := now.Add(-day24)
	rotated := now.Add(-20 * time.Minute)
	due := rotated.Add(time.Hour - 25*time.Minute)
	for _, tt := range []struct {
		name   string
		change func(*Survey)
		at     time.Time
		before State
		then   State
		level  Level
	}{
		{"the warning", func(s *Survey) { kept(s) }, born.Add(305*day24 + 1), OK, ConsentDue, Attention},
		{"the end by age", func(s *Survey) { kept(s) }, born.Add(365 * day24), ConsentDue, PastAge, Broken},
		{"the end by inactivity", func(*Survey) {}, rotated.Add(90 * day24), NoTick, PastAge, Broken},
		{"no tick since a rotation was due", func(*Survey) {}, due.Add(grace + 1), OK, NoTick, Attention},
		{"the access token's end", func(*Survey) {}, rotated.Add(time.Hour), NoTick, NoTick, Broken},
		{"the access token's last minutes", func(s *Survey) {
			s.ClientID.Modified = due.Add(time.Minute)
		}, rotated.Add(time.Hour - leastLife + 1), OK, Expiring, Attention},
		{"another process's lease", func(s *Survey) {
			doubted(s, 0)
			s.State.Intent.Owner = "p/1"
		}, now.Add(family.Lease), OK, InDoubt, Attention},
		{"psoxy's lease", func(s *Survey) { s.Lock = field("locked_1", now) }, now.Add(family.Lease), OK, InDoubt, Attention},
		{"the time for ACCESS_TOKEN to be written", func(s *Survey) { s.AccessToken = field("older", rotated); s.Written = now }, now.Add(settling), OK, Foreign, Attention},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := well()
			tt.change(&s)
			s.Now = tt.at.Add(-1)
			require.Equal(t, tt.before, s.Verdict().State, s.Verdict().Line)
			s.Now = tt.at
			v := s.Verdict()
			require.Equal(t, tt.then, v.State, v.Line)
			require.Equal(t, tt.level, v.Level, v.Line)
		})
	}
}

// kept keeps the family at any time that the survey may have.
func kept(s *Survey) {
	s.State.Record.RotatedAt = now.Add(300 * day24)
	s.State.Record.AccessExpiresAt = time.Time{}
	s.Written = now.Add(370 * day24)
}

// All other problems are named too, and the level is that of the worst.
func TestAlso(t *testing.T) {
	s := well()
	s.State.Record.AuthorizedAt = now.Add(-320 * day24)
	doubted(&s, 5*time.Minute)
	s.Open = []string{"A_CLIENT_SECRET"}
	v := s.Verdict()
	require.Equal(t, InDoubt, v.State)
	require.Len(t, v.Also, 2)
	require.Contains(t, v.Also[0], "A_CLIENT_SECRET is not encrypted")
	require.Contains(t, v.Also[1], "in 45 days")

	s = well()
	s.Open = []string{"A_CLIENT_SECRET", "A_REFRESH_TOKEN"}
	s.State.Record.AuthorizedAt = now.Add(-366 * day24)
	v = s.Verdict()
	require.Equal(t, Broken, v.Level)
	require.Contains(t, v.Also[0], "A_CLIENT_SECRET and A_REFRESH_TOKEN are not encrypted")
}

// The level is that of the worst problem, even if another is named first.
func TestTheWorstCounts(t *testing.T) {
	s := well()
	doubted(&s, 5*time.Minute)
	s.State.Record.SiteAskedAt, s.State.Record.SiteMissing = now, 9
	v := s.Verdict()
	require.Equal(t, InDoubt, v.State)
	require.Equal(t, Broken, v.Level)
}

// A candidate that is being presented is no doubt. What has been corrected since
// needs nobody.
func TestWhatPasses(t *testing.T) {
	s := well()
	candidate(&s, now.Add(-time.Minute))
	s.State.Inbox.Pending = []family.Pending{{Version: 5, Token: "0123456789ab", First: now.Add(-time.Minute)}}
	s.State.Intent = &family.Intent{Owner: "p/2", Token: "0123456789ab", Candidate: 5, First: now.Add(-time.Minute), Last: now.Add(-time.Minute)}
	s.Written = now.Add(-time.Minute)
	require.Equal(t, OK, s.Verdict().State, s.Verdict().Line)

	s = well()
	s.Offers = []family.Field{{Value: atlassian.NewSecret("nonsense"), Version: 5, Modified: now.Add(-2 * time.Minute)}}
	s.RefreshToken.Version = 6
	require.Equal(t, OK, s.Verdict().State, s.Verdict().Line)
	require.Contains(t, s.Report().Notice, "A_REFRESH_TOKEN was written over", "it is told all the same")
}

// Of several candidates in doubt the one tells until when there is time whose leeway ends
// first; one whose leeway is over is too late for that.
func TestTheCandidateInDoubtWhoseLeewayEndsFirst(t *testing.T) {
	ago := func(minutes ...time.Duration) (all []family.Pending) {
		for i, m := range minutes {
			all = append(all, family.Pending{Version: int64(5 + i), Token: "0123456789ab", First: now.Add(-m * time.Minute)})
		}
		return all
	}
	for name, c := range map[string]struct {
		pending []family.Pending
		want    time.Time
	}{
		"the last one":               {ago(3, 2), now.Add(7 * time.Minute)},
		"an earlier one":             {ago(2, 7, 3), now.Add(3 * time.Minute)},
		"one whose leeway is over":   {ago(2, 11), now.Add(8 * time.Minute)},
		"the leeway of both is over": {ago(11, 12), time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := well()
			candidate(&s, now.Add(-time.Minute))
			s.State.Inbox.Pending = c.pending
			v := s.Verdict()
			require.Equal(t, InDoubt, v.State, v.Line)
			require.Equal(t, c.want, v.Until)
		})
	}
}

// A tick that was just made proves that ticks come, even if the store looks old.
func TestATickSpeaksForItself(t *testing.T) {
	s := well()
	s.Now = now.Add(day24)
	s.Tick = &Tick{s.Now.Add(-time.Minute), keeper.Failed, "no writes"}
	require.Equal(t, Failing, s.Verdict().State)
	s.Tick.At = now
	require.Equal(t, NoTick, s.Verdict().State)
}

// Malformed answers are failures until they count as a refusal.
func TestMalformed(t *testing.T) {
	s := well()
	failed(&s, atlassian.Malformed, "invalid_request", 5*time.Minute)
	require.Equal(t, Failing, s.Verdict().State)
	f := s.State.Record.LastFailure
	f.Count, f.Since = 4, f.At.Add(-time.Hour)
	v := s.Verdict()
	require.Equal(t, Lost, v.State)
	require.Equal(t, "LOST since 04:55Z: consent now: "+authorizeA, v.Line)
	require.Equal(t, "Atlassian refused the refresh token (invalid_request); consumers stop at 06:40Z", v.Reason)
}

func TestLasting(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 seconds": 0, "59 seconds": time.Minute - 1, "1 minute": 2*time.Minute - 1, "2 minutes": 2 * time.Minute, "59 minutes": time.Hour - 1,
		"1 hour": time.Hour, "23 hours": day24 - 1, "1 day": day24, "6 days": 6*day24 + 5*time.Hour, "3 days": -3 * day24,
	} {
		require.Equal(t, want, Lasting(d))
	}
}
