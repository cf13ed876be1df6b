package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// A wrong client secret is a fault of the configuration. The family lives, only the
// failure is stored, attempts get rarer, and the right secret ends the wait at
// once.
func TestWrongClientSecret(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	right, err := w.Emulator.RotateClientSecret(c.Fixture.App.ClientID)
	require.NoError(t, err)
	w.Pass(36 * time.Minute)
	stored := c.Versions()

	first := w.Tick()
	w.RequireAction(first, "misconfigured")
	require.Contains(t, first.Logs, "CLIENT_SECRET")
	require.Len(t, first.Posts, 1)
	stored[c.Names.Family]++
	stored[c.Names.Ledger] += 2
	require.Equal(t, stored, c.Versions(), "only TOKEN_FAMILY and the ledger may have changed")
	failure := c.Record().LastFailure
	require.Equal(t, []any{"configuration", "access_denied", 1}, []any{failure.Class, failure.Code, failure.Count})
	require.True(t, c.Family().Alive())

	soon := w.Tick()
	w.RequireAction(soon, "misconfigured")
	require.Empty(t, soon.Posts)
	w.Pass(5 * time.Minute)
	later := w.Tick()
	w.RequireAction(later, "misconfigured")
	require.Len(t, later.Posts, 1)
	require.Equal(t, 2, c.Record().LastFailure.Count)

	c.PutSecret(c.Names.ClientSecret, right.Reveal())
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(2)
}

// CLIENT_ID and CLIENT_SECRET of another app are stored. Atlassian refuses the living token
// as if it were dead. No loss is reported: the tokens were received by another id. The right
// credentials end the wait at once.
func TestAnotherAppsCredentials(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	id, secret := c.Value(c.Names.ClientID), c.Value(c.Names.ClientSecret)
	other, err := w.Emulator.AddFixture()
	require.NoError(t, err)
	others, err := w.Emulator.ClientSecret(other.App.ClientID)
	require.NoError(t, err)
	c.Put(c.Names.ClientID, other.App.ClientID)
	c.PutSecret(c.Names.ClientSecret, others.Reveal())
	w.Pass(36 * time.Minute)
	for _, presented := range []int{1, 0, 1} {
		tick := w.Tick()
		require.Contains(t, w.RequireAction(tick, "misconfigured").Reason, "CLIENT_ID belongs to another app")
		require.Len(t, tick.Posts, presented)
		w.Pass(3 * time.Minute)
	}
	c.Put(c.Names.ClientID, id)
	c.PutSecret(c.Names.ClientSecret, secret)
	w.RequireAction(w.Tick(), "rotated")
	c.RequireHealthy(2)
	require.Equal(t, []float64{0, 0, 0, 0, 0}, w.Moto.Published(t, w.Namespace, "FamilyLost"))
}

// The account is deactivated for a while: the family survives it.
func TestInactiveAccount(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403} {
		w := world.New(t, world.Options{Policy: func(p *atlassiantest.Policy) { p.InactiveAccountStatus = status }})
		c := w.Connection()
		require.NoError(t, w.Emulator.Deactivate(c.Fixture.Account.ID))
		w.RequireAction(w.Tick(), "misconfigured")
		require.NoError(t, w.Emulator.Reactivate(c.Fixture.Account.ID))
		w.Pass(5 * time.Minute)
		w.RequireAction(w.Tick(), "rotated")
		c.RequireHealthy(1)
	}
}

// A revoked grant is refused, with either of the two bodies. The token is presented
// again after an hour and then every six hours, since refusals have been mistaken.
// A new consent's token wakes the connection, as a new family.
func TestRevokedGrant(t *testing.T) {
	t.Parallel()
	for _, legacy := range []bool{false, true} {
		w := world.New(t, world.Options{Policy: func(p *atlassiantest.Policy) { p.LegacyRefusalBody = legacy }})
		c := w.Connection()
		w.RequireAction(w.Tick(), "rotated")
		require.NoError(t, w.Emulator.RevokeGrant(c.Fixture.Account.ID, c.Fixture.App.ClientID))
		w.Pass(36 * time.Minute)
		token := c.Version(c.Names.RefreshToken)

		first := w.Tick()
		w.RequireAction(first, "refused")
		require.Contains(t, first.Logs, "consent")
		require.Len(t, first.Posts, 1)
		require.Nil(t, c.Ledger().State.Intent)
		for _, presented := range []int{1, 0, 1, 0} { // refusals have been mistaken
			w.Pass(31 * time.Minute)
			again := w.Tick()
			w.RequireAction(again, "refused")
			require.Equal(t, presented, len(again.Posts))
		}
		require.Equal(t, token, c.Version(c.Names.RefreshToken))
		require.Equal(t, []float64{0, 1, 1, 1, 1, 1}, w.Moto.Published(t, w.Namespace, "FamilyLost"))

		c.PutSecret(c.Names.RefreshToken, c.Consent())
		woken := w.Tick()
		require.Equal(t, 1, w.RequireAction(woken, "rotated").Generation)
		c.RequireHealthy(1)
		require.WithinDuration(t, w.Clock.Now(), c.Record().AuthorizedAt, time.Minute)
	}
}

// A new consent is stored while the old token is on its way to Atlassian, which
// refuses it. The same tick finds the consent and adopts it.
func TestConsentDuringARefusal(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	require.NoError(t, w.Emulator.RevokeGrant(c.Fixture.Account.ID, c.Fixture.App.ClientID))
	w.Pass(36 * time.Minute)
	held, finish := make(chan struct{}), make(chan struct{})
	w.Atlassian.On(holding(held, finish))
	first := background(w.Tick)
	<-held
	consent := c.Consent()
	c.PutSecret(c.Names.RefreshToken, consent)
	close(finish)
	tick := <-first
	require.NotNil(t, tick)
	require.Equal(t, 1, w.RequireAction(tick, "rotated").Generation)
	require.Len(t, tick.Posts, 2)
	c.RequireHealthy(1)
	w.RequireAction(w.Tick(), "idle")
}

// The same, but the old token is still accepted, and its successor is published
// over the consent. The version number of that write tells, and the same tick adopts
// the consent.
func TestConsentDuringARotation(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	w.Pass(36 * time.Minute)
	held, finish := make(chan struct{}), make(chan struct{})
	w.Atlassian.On(holding(held, finish))
	first := background(w.Tick)
	<-held
	consent := c.Consent()
	c.PutSecret(c.Names.RefreshToken, consent)
	close(finish)
	tick := <-first
	require.NotNil(t, tick)
	require.Equal(t, 1, w.RequireAction(tick, "rotated").Generation)
	c.RequireHealthy(1)
	w.RequireAction(w.Tick(), "idle")
	require.WithinDuration(t, w.Clock.Now(), c.Record().AuthorizedAt, time.Minute)
}

// Atlassian does not answer at all. The request is given up in good time, the
// tick ends by itself, and the next one replays.
func TestAtlassianHangs(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	finish := make(chan struct{})
	t.Cleanup(func() { close(finish) })
	w.Atlassian.On(proxy.Rule{Operation: world.TokenEndpoint, Nth: 1, After: func(*proxy.Call) { <-finish }})
	tick := w.Tick()
	require.False(t, tick.Exited, "the function must end by itself")
	if w.Outcome(tick, c.Name).Action != "replayed" {
		w.RequireAction(tick, "in_doubt")
		w.Pass(5 * time.Minute)
		w.RequireAction(w.Tick(), "replayed")
	}
	c.RequireHealthy(1)
}
