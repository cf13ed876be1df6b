package gcpstore_test

import (
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger/ledgertest"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/storetest"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// open starts an emulator and returns a client of it.
func open(t *testing.T, now func() time.Time) (*emulator.Server, *secretmanager.Client) {
	t.Helper()
	server := emulator.Start(t, now)
	client, err := gcpstore.NewClient(t.Context(), server.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

var limits = storetest.Limits{FlatNames: true, AlwaysEncrypted: true}

func TestConformance(t *testing.T) {
	t.Run("parameters", func(t *testing.T) {
		_, client := open(t, nil)
		storetest.RunWith(t, limits, func(*testing.T) store.Store {
			return gcpstore.New(client, gcpstore.Config{Project: emulator.Project})
		})
	})
	t.Run("a ledger", func(t *testing.T) {
		_, client := open(t, nil)
		s := gcpstore.New(client, gcpstore.Config{Project: emulator.Project})
		ledgertest.Run(t, func(*testing.T) ledgertest.Factory { return ledgertest.InStore(s, nil, nil) })
	})
	// Whatever else lags behind, versions by their numbers do not.
	t.Run("parameters, and only numbers propagate", func(t *testing.T) {
		storetest.RunWith(t, limits, func(t *testing.T) store.Store {
			server, client := open(t, nil)
			server.Freeze()
			return gcpstore.New(client, gcpstore.Config{Project: emulator.Project})
		})
	})
	t.Run("a ledger, and only numbers propagate", func(t *testing.T) {
		server, client := open(t, nil)
		server.Freeze()
		s := gcpstore.New(client, gcpstore.Config{Project: emulator.Project})
		ledgertest.Run(t, func(*testing.T) ledgertest.Factory { return ledgertest.InStore(s, nil, nil) })
	})
}

func secret(v string) atlassian.Secret { return atlassian.NewSecret(v) }
