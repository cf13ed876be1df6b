package atlassiantest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestInactivityEdge(t *testing.T) {
	setUp := func(t *testing.T) (w *world, first, second atlassiantest.Tokens) {
		w = cheapWorld(t, nil)
		first = w.authorize(t)
		w.clock.Advance(89 * day)
		return w, first, w.refresh(t, first) // which restarts the limit
	}
	t.Run("one nanosecond before", func(t *testing.T) {
		w, _, second := setUp(t)
		w.clock.Advance(90*day - 1)
		w.refresh(t, second)
	})
	t.Run("at the limit", func(t *testing.T) {
		w, first, second := setUp(t)
		w.clock.Advance(90 * day)
		w.refused(t, second)
		require.Equal(t, atlassiantest.Death{Cause: atlassiantest.CauseInactive, At: w.clock.Now()}, w.death(t, first))
	})
}

func TestAbsoluteLifetimeEdge(t *testing.T) {
	setUp := func(t *testing.T) (w *world, first, current atlassiantest.Tokens) {
		w = cheapWorld(t, nil)
		first = w.authorize(t)
		current = first
		for w.clock.Now().Before(start.Add(360 * day)) {
			w.clock.Advance(30 * day)
			current = w.refresh(t, current)
		}
		return w, first, current
	}
	t.Run("one nanosecond before", func(t *testing.T) {
		w, _, current := setUp(t)
		w.clock.Set(start.Add(365*day - 1))
		w.refresh(t, current)
	})
	t.Run("at the limit", func(t *testing.T) {
		w, first, current := setUp(t)
		w.clock.Set(start.Add(365 * day))
		_, err := w.e.ValidateAccess(current.Access)
		requireRefusal(t, err, 401, "", "Unauthorized")
		w.refused(t, current)
		require.Equal(t, atlassiantest.CauseExpiredAbsolute, w.death(t, first).Cause)
		require.Equal(t, start.Add(365*day), w.death(t, first).At)
	})
}

// The family's year begins at the consent, not at the exchange of its code.
func TestBirthIsTheConsent(t *testing.T) {
	w := cheapWorld(t, nil)
	code, err := w.e.Consent(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.clock.Advance(4 * time.Minute)
	_, err = w.e.Exchange(w.exchange(code))
	require.NoError(t, err)
	f := w.e.Families()[0]
	require.Equal(t, start, f.Born)
	require.Equal(t, start.Add(4*time.Minute), f.Active)
	require.Equal(t, start.Add(4*time.Minute+90*day), f.Ends)
	require.Equal(t, atlassiantest.CauseInactive, f.EndCause)
}

func TestLimitsCanBeOff(t *testing.T) {
	w := cheapWorld(t, func(p *atlassiantest.Policy) { p.AbsoluteLifetime, p.InactivityLimit = 0, 0 })
	first := w.authorize(t)
	w.clock.Advance(4000 * day)
	w.refresh(t, first)
	f, _ := w.e.Family(first.FamilyID)
	require.True(t, f.Ends.IsZero())
}

// A death that is noticed late has the time of the limit that was reached first.
func TestDeathIsDatedAtTheLimit(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	w.clock.Advance(1000 * day)
	require.NoError(t, w.e.ChangePassword(w.fix.Account.ID))
	require.Equal(t, atlassiantest.Death{Cause: atlassiantest.CauseInactive, At: start.Add(90 * day)}, w.death(t, first))
}

func TestAccessTokenExpiryEdge(t *testing.T) {
	w := cheapWorld(t, nil)
	tokens := w.authorize(t)
	require.Equal(t, time.Hour, tokens.ExpiresIn)
	w.clock.Advance(time.Hour - 1)
	info, err := w.e.ValidateAccess(tokens.Access)
	require.NoError(t, err)
	require.Equal(t, start.Add(time.Hour), info.ExpiresAt)
	w.clock.Advance(1)
	_, err = w.e.ValidateAccess(tokens.Access)
	requireRefusal(t, err, 401, "", "Unauthorized")
	found, _ := w.e.Lookup(tokens.Access)
	require.Equal(t, atlassiantest.StatusExpired, found.Status)
}

func TestPolicyIsChecked(t *testing.T) {
	w := cheapWorld(t, nil)
	for name, change := range map[string]func(*atlassiantest.Policy){
		"ReuseInterval":         func(p *atlassiantest.Policy) { p.ReuseInterval = -1 },
		"AccessTokenLifetime":   func(p *atlassiantest.Policy) { p.AccessTokenLifetime = 0 },
		"CodeLifetime":          func(p *atlassiantest.Policy) { p.CodeLifetime = 10*time.Minute + 1 },
		"InactiveAccountStatus": func(p *atlassiantest.Policy) { p.InactiveAccountStatus = 400 },
		"TokenPadding":          func(p *atlassiantest.Policy) { p.TokenPadding = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, w.e.ChangePolicy(change), name)
		})
	}
	require.Equal(t, atlassiantest.DefaultPolicy(), w.e.Policy())
	require.PanicsWithValue(t, "atlassiantest.New: policy: AccessTokenLifetime is 0s, expected at least 1s", func() {
		atlassiantest.New(atlassiantest.Config{Policy: &atlassiantest.Policy{}})
	})
}

func TestClock(t *testing.T) {
	c := atlassiantest.NewClock(start)
	require.Equal(t, start, c.Now())
	require.Equal(t, start.Add(-time.Hour), c.Advance(-time.Hour))
	require.Equal(t, start, c.Set(start))
	require.False(t, c.Running())

	r := atlassiantest.NewRunningClock()
	require.True(t, r.Running())
	require.WithinDuration(t, time.Now(), r.Now(), time.Minute)
	require.WithinDuration(t, time.Now().Add(90*day), r.Advance(90*day), time.Minute)
	require.WithinDuration(t, start, r.Set(start), time.Minute)
}
