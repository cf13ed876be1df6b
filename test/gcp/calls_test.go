package gcp

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// calls are those of a tick, by what Google bills and what its quotas count.
type calls struct {
	// accesses are billed; reads and writes are of metadata and versions.
	accesses, reads, writes int
}

func (c calls) total() int { return c.accesses + c.reads + c.writes }

func callsOf(methods map[string]int) (c calls) {
	for method, n := range methods {
		switch method {
		case "AccessSecretVersion":
			c.accesses += n
		case "GetSecretVersion", "GetSecret", "ListSecretVersions", "ListSecrets":
			c.reads += n
		default:
			c.writes += n
		}
	}
	return c
}

// enabled is how many versions cost money.
func (w *world) enabled() (n int) {
	for _, id := range w.secrets.IDs() {
		for v, err := range w.client.ListSecretVersions(w.Context(), &secretmanagerpb.ListSecretVersionsRequest{Parent: "projects/" + emulator.Project + "/secrets/" + id}).All() {
			require.NoError(w, err)
			if v.GetState() == secretmanagerpb.SecretVersion_ENABLED {
				n++
			}
		}
	}
	return n
}

// keeper is one in this process.
func (w *world) keeper() *keeper.Keeper {
	return keeper.New(keeper.Config{
		Store: gcpstore.New(w.client, gcpstore.Config{Project: emulator.Project, Keep: gcpstore.KeepFew}),
		Token: &atlassian.Client{AuthURL: w.front.URL, APIURL: w.front.URL}, Now: w.clock.Now, Process: fmt.Sprint("p", w.clock.Now().UnixNano()),
	})
}

// kept is a connection whose ledger has filled its history.
func kept(t *testing.T) (w *world, conn family.Connection) {
	w = newWorld(t)
	w.seed()
	w.create("CLOUD_ID")
	w.fill("CLOUD_ID", w.fix.Site.CloudID)
	conn = family.Connection{Name: connection, Policy: family.DefaultPolicy()}
	k := w.keeper()
	for range 60 {
		require.Equal(t, keeper.Rotated, k.Tick(t.Context(), conn, slog.New(slog.DiscardHandler)).Action)
		w.pass(36 * time.Minute)
	}
	return w, conn
}

// TestCallsOfATick: in an instance that has made none before.
func TestCallsOfATick(t *testing.T) {
	t.Parallel()
	w, _ := kept(t)
	w.requireAction("rotated")
	w.requireAction("idle") // publishes TOKEN_FAMILY
	w.stop()
	w.secrets.Calls()
	w.requireAction("idle")
	require.Equal(t, map[string]int{"AccessSecretVersion": 14, "GetSecretVersion": 7, "GetSecret": 1}, w.secrets.Calls())
	w.stop()
	w.pass(36 * time.Minute)
	w.requireAction("rotated")
	got := w.secrets.Calls()
	maps.DeleteFunc(got, func(method string, _ int) bool {
		return method == "ListSecretVersions" || method == "DestroySecretVersion"
	})
	require.Equal(t, map[string]int{"AccessSecretVersion": 14, "GetSecretVersion": 7, "GetSecret": 3, "AddSecretVersion": 4}, got)
}

// What Google asks for in us-central1 and europe-west1, and gives for free to each
// billing account (cloud.google.com/secret-manager/pricing, cloud.google.com/run/pricing).
const (
	ofAnAccess, freeAccesses   = 0.03 / 10_000, 10_000
	ofAVersion, freeVersions   = 0.06, 6
	ofServices, freeOfServices = 0.000024, 180_000
	secondsOfATick             = 5
	ticks                      = 730 * 30 // a month
)

func beyond(n, free, price float64) float64 { return max(0, n-free) * price }

// TestADayAtSecretManager: docs/gcp.md has the calls and the money of a day of ticks, in
// an instance that lives on, and where each tick meets a new one.
func TestADayAtSecretManager(t *testing.T) {
	page, err := os.ReadFile("../../docs/gcp.md")
	require.NoError(t, err)
	compute := beyond(ticks*secondsOfATick, freeOfServices, ofServices)
	for name, lives := range map[string]bool{"lives on": true, "is new at each tick": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, conn := kept(t)
			k := w.keeper()
			var day calls
			versions, looks, idle, rotation := 0, 0, 1000, 1000
			for n := range 720 {
				if !lives {
					k = w.keeper()
				}
				w.secrets.Calls()
				out := k.Tick(t.Context(), conn, slog.New(slog.DiscardHandler))
				c := callsOf(w.secrets.Calls())
				day = calls{day.accesses + c.accesses, day.reads + c.reads, day.writes + c.writes}
				if out.Action == keeper.Rotated {
					rotation = min(rotation, c.total())
				} else {
					require.Equal(t, keeper.Idle, out.Action, out.Reason)
					idle = min(idle, c.total())
				}
				if n%10 == 0 {
					versions, looks = versions+w.enabled(), looks+1
				}
				w.pass(2 * time.Minute)
			}
			accesses, kept := float64(day.accesses)*ticks/720, float64(versions)/float64(looks)
			read, stored := beyond(accesses, freeAccesses, ofAnAccess), beyond(kept, freeVersions, ofAVersion)
			row := fmt.Sprintf("| %s | %d | %d | %.0f,000 | %.2f | %.0f | %.2f | %.2f | %.2f |", name, idle, rotation,
				accesses/1000, read, kept, stored, compute, read+stored+compute)
			require.Contains(t, string(page), row)
		})
	}
}
