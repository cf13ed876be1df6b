package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

// backup is a connection's parameters as they once stood.
type backup map[string]string

// rotations makes n rotations, with a backup before each and one after the last.
func rotations(w *world.World, n int) (backups []backup) {
	c := w.Connection()
	for range n {
		w.RequireAction(w.Tick(), "rotated")
		w.RequireAction(w.Tick(), "idle")
		b := backup{}
		for _, name := range []string{c.Names.RefreshToken, c.Names.AccessToken, c.Names.Family, c.Names.Ledger} {
			b[name] = c.Value(name)
		}
		backups = append(backups, b)
		w.Pass(36 * time.Minute)
	}
	return backups
}

// requireGoesOn requires that a connection's family lives on, with its true age:
// the next rotation comes within an access token's life, and no request is refused.
func requireGoesOn(t *testing.T, w *world.World, born time.Time) {
	t.Helper()
	c := w.Connection()
	before := c.Family().Generation
	for range 8 {
		w.Pass(5 * time.Minute)
		o := w.Outcome(w.Tick(), c.Name)
		require.Contains(t, []string{"idle", "rotated", "restored", "replayed"}, o.Action, o.Reason)
		require.True(t, c.Family().Alive(), "%+v", c.Family().Death)
		require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.RefreshToken).Status)
		require.Equal(t, atlassiantest.StatusLive, c.Lookup(c.Names.AccessToken).Status)
	}
	require.Greater(t, c.Family().Generation, before)
	require.True(t, born.Equal(c.Ledger().State.Record.AuthorizedAt), "it keeps its age")
	for _, post := range w.Atlassian.Calls(world.TokenEndpoint) {
		require.Equal(t, 200, post.Status)
	}
}

// Terraform, a backup or a copy writes older values over the newest ones. None of
// them is presented, and the family goes on.
func TestOlderTokenIsPutBack(t *testing.T) {
	t.Parallel()
	for name, overwrite := range map[string]func(c *world.Connection, b []backup){
		"six generations old": func(c *world.Connection, b []backup) {
			c.PutSecret(c.Names.RefreshToken, b[1][c.Names.RefreshToken])
		},
		"three generations old, with its TOKEN_FAMILY": func(c *world.Connection, b []backup) {
			c.PutSecret(c.Names.RefreshToken, b[4][c.Names.RefreshToken])
			c.Put(c.Names.Family, b[4][c.Names.Family])
		},
		"three generations old, with everything": func(c *world.Connection, b []backup) {
			c.PutSecret(c.Names.Ledger, b[4][c.Names.Ledger])
			c.PutSecret(c.Names.RefreshToken, b[4][c.Names.RefreshToken])
			c.PutSecret(c.Names.AccessToken, b[4][c.Names.AccessToken])
			c.Put(c.Names.Family, b[4][c.Names.Family])
		},
		"into deleted parameters": func(c *world.Connection, b []backup) {
			c.Delete(c.Names.RefreshToken)
			c.Delete(c.Names.Family)
			c.PutSecret(c.Names.RefreshToken, b[4][c.Names.RefreshToken])
			c.Put(c.Names.Family, b[4][c.Names.Family])
		},
		"where the ledger was deleted": func(c *world.Connection, b []backup) {
			c.Delete(c.Names.Ledger)
			c.PutSecret(c.Names.RefreshToken, b[4][c.Names.RefreshToken])
			c.Put(c.Names.Family, b[4][c.Names.Family])
		},
		"where the ledger is an older one": func(c *world.Connection, b []backup) {
			c.Delete(c.Names.Ledger)
			c.PutSecret(c.Names.Ledger, b[4][c.Names.Ledger])
			c.PutSecret(c.Names.RefreshToken, b[4][c.Names.RefreshToken])
			c.Put(c.Names.Family, b[4][c.Names.Family])
		},
	} {
		for _, opaque := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", opaque"}[opaque], func(t *testing.T) {
				t.Parallel()
				w := world.New(t, world.Options{Opaque: opaque})
				c := w.Connection()
				backups := rotations(w, 8)
				born := c.Record().AuthorizedAt
				overwrite(c, backups)
				if strings.HasPrefix(name, "where the ledger") {
					waits := w.Tick()
					w.RequireAction(waits, "in_doubt")
					require.Empty(t, waits.Posts)
					w.Pass(2 * time.Minute)
				}
				requireGoesOn(t, w, born)
			})
		}
	}
}

// A value written over the token is reported, counted, and overwritten with the
// newest token at once.
func TestForeignWriteIsReported(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	backups := rotations(w, 2)
	w.RequireAction(w.Tick(), "rotated")
	newest := c.Value(c.Names.RefreshToken)
	c.PutSecret(c.Names.RefreshToken, backups[0][c.Names.RefreshToken])
	tick := w.Tick()
	o := w.RequireAction(tick, "restored")
	require.Empty(t, tick.Posts)
	require.Contains(t, o.Foreign, "older token")
	require.True(t, newest == c.Value(c.Names.RefreshToken))
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "ForeignWrites"))
	again := w.RequireAction(w.Tick(), "idle")
	require.Empty(t, again.Foreign, "it is reported once")
}

// A damaged token changes nothing, before its correction or after it.
func TestDamagedTokenAndItsCorrection(t *testing.T) {
	t.Parallel()
	for _, opaque := range []bool{false, true} {
		w := world.New(t, world.Options{Opaque: opaque})
		c := w.Connection()
		rotations(w, 2)
		w.RequireAction(w.Tick(), "rotated")
		born, whole := c.Record().AuthorizedAt, c.Value(c.Names.RefreshToken)
		for range 2 {
			c.PutSecret(c.Names.RefreshToken, whole[:len(whole)-4])
			cut := w.Tick()
			w.RequireAction(cut, "restored")
			require.Empty(t, cut.Posts)
			c.PutSecret(c.Names.RefreshToken, whole)
			right := w.Tick()
			w.RequireAction(right, "idle")
			require.Empty(t, right.Posts)
			require.Equal(t, 3, c.Ledger().State.Record.Generation, "no generation came of it")
		}
		requireGoesOn(t, w, born)
	}
}

// The same with the token of a new consent: it is taken up once it is whole.
func TestDamagedConsentAndItsCorrection(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{})
	c := w.Connection()
	rotations(w, 1)
	w.Pass(20 * 24 * time.Hour)
	w.RequireAction(w.Tick(), "rotated")
	token := c.Consent()
	c.PutSecret(c.Names.RefreshToken, token[:len(token)-4])
	cut := w.Tick()
	o := w.RequireAction(cut, "restored")
	require.Empty(t, cut.Posts)
	require.Contains(t, o.Foreign, "damaged")
	require.InDelta(t, 345, *o.FamilyDaysRemaining, 0.1)
	c.PutSecret(c.Names.RefreshToken, token)
	require.InDelta(t, 365, *w.RequireAction(w.Tick(), "rotated").FamilyDaysRemaining, 0.1)
	c.RequireHealthy(1)
}

// A placeholder written over an opaque token and taken back: the family keeps
// its age.
func TestPlaceholderAndTheTokenAgain(t *testing.T) {
	t.Parallel()
	w := world.New(t, world.Options{Opaque: true})
	c := w.Connection()
	w.RequireAction(w.Tick(), "rotated")
	for _, days := range []time.Duration{80, 80, 80, 60} {
		w.Pass(days * 24 * time.Hour)
		w.RequireAction(w.Tick(), "rotated")
	}
	token := c.Value(c.Names.RefreshToken)
	c.PutSecret(c.Names.RefreshToken, "CHANGE_ME")
	tick := w.Tick()
	require.Contains(t, w.RequireAction(tick, "restored").Foreign, "placeholder")
	require.Empty(t, tick.Posts)
	c.PutSecret(c.Names.RefreshToken, token)
	require.InDelta(t, 65, *w.RequireAction(w.Tick(), "idle").FamilyDaysRemaining, 0.1)
	w.Pass(36 * time.Minute)
	require.InDelta(t, 65, *w.RequireAction(w.Tick(), "rotated").FamilyDaysRemaining, 0.1)
	c.RequireHealthy(6)
}
