package gcpstore_test

import (
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// TestCalls: a write costs one call for a name, a read three, and a read of what this
// process has read before two. Google bills only the accesses.
func TestCalls(t *testing.T) {
	p := newPlace(t, nil, nil)
	p.put("TOKEN", "one")
	p.server.Calls()
	p.put("TOKEN", "two")
	require.Equal(t, map[string]int{"AddSecretVersion": 1}, p.server.Calls())
	p.get("TOKEN")
	require.Equal(t, map[string]int{"GetSecretVersion": 1, "AccessSecretVersion": 2}, p.server.Calls(), "what was written is read back once")
	for range 2 {
		require.Equal(t, "two", p.get("TOKEN").Value.Reveal())
		require.Equal(t, map[string]int{"GetSecretVersion": 1, "AccessSecretVersion": 1}, p.server.Calls())
	}
}

// TestWhatIsKnownIsNotBelievedAlone: a process that has read a version sees what
// became of it, and of its secret.
func TestWhatIsKnownIsNotBelievedAlone(t *testing.T) {
	var clock clock
	known := func(t *testing.T) *place {
		p := newPlace(t, clock.now, nil)
		p.put("TOKEN", "one")
		p.put("TOKEN", "two")
		require.Equal(t, "two", p.get("TOKEN").Value.Reveal())
		clock.pass(time.Minute)
		return p
	}
	other := func(p *place) *gcpstore.Store {
		return gcpstore.New(p.client, gcpstore.Config{Project: emulator.Project})
	}
	disable := func(p *place) {
		_, err := p.client.DisableSecretVersion(p.Context(), &secretmanagerpb.DisableSecretVersionRequest{Name: resource("TOKEN", 2)})
		require.NoError(p, err)
	}
	t.Run("another process adds versions", func(t *testing.T) {
		p := known(t)
		for _, value := range []string{"three", "four"} {
			_, err := other(p).Write(t.Context(), "TOKEN", secret(value), store.Encrypted)
			require.NoError(t, err)
		}
		require.Equal(t, "four", p.get("TOKEN").Value.Reveal())
	})
	t.Run("and only numbers propagate", func(t *testing.T) {
		p := known(t)
		p.server.Freeze()
		_, err := other(p).Write(t.Context(), "TOKEN", secret("three"), store.Encrypted)
		require.NoError(t, err)
		require.Equal(t, "three", p.get("TOKEN").Value.Reveal())
	})
	t.Run("it is disabled, and enabled again", func(t *testing.T) {
		p := known(t)
		disable(p)
		_, err := p.Read(t.Context(), "TOKEN")
		require.ErrorIs(t, err, store.ErrDenied)
		_, err = p.client.EnableSecretVersion(t.Context(), &secretmanagerpb.EnableSecretVersionRequest{Name: resource("TOKEN", 2)})
		require.NoError(t, err)
		require.Equal(t, "two", p.get("TOKEN").Value.Reveal())
	})
	t.Run("it is disabled, and Google does not tell yet", func(t *testing.T) {
		p := known(t)
		p.server.FreezeAll()
		disable(p)
		require.Equal(t, "two", p.get("TOKEN").Value.Reveal(), "as Google still has it")
		p.server.Thaw()
		_, err := p.Read(t.Context(), "TOKEN")
		require.ErrorIs(t, err, store.ErrDenied)
	})
	t.Run("it is destroyed", func(t *testing.T) {
		p := known(t)
		p.destroy("TOKEN", 2)
		e := p.get("TOKEN")
		require.EqualValues(t, 2, e.Version)
		require.True(t, e.Value.IsZero())
	})
	t.Run("its secret is deleted", func(t *testing.T) {
		p := known(t)
		require.NoError(t, other(p).Delete(t.Context(), "TOKEN"))
		require.Zero(t, p.get("TOKEN"))
	})
	t.Run("its secret is deleted and made again, with as many versions", func(t *testing.T) {
		p := known(t)
		require.NoError(t, other(p).Delete(t.Context(), "TOKEN"))
		for _, value := range []string{"uno", "due"} {
			_, err := other(p).Write(t.Context(), "TOKEN", secret(value), store.Encrypted)
			require.NoError(t, err)
		}
		require.Equal(t, "due", p.get("TOKEN").Value.Reveal())
		require.Equal(t, clock.now(), p.get("TOKEN").Modified)
	})
	t.Run("access to it is taken away", func(t *testing.T) {
		for _, method := range []string{"AccessSecretVersion", "GetSecretVersion"} {
			p := known(t)
			p.server.Deny(method, "TOKEN")
			_, err := p.Read(t.Context(), "TOKEN")
			require.ErrorIs(t, err, store.ErrDenied)
		}
	})
}

// TestALedgerOfFewVersions: of a ledger all but the newest entries are destroyed. Their
// numbers stay, and everybody reads the same from those that are kept.
func TestALedgerOfFewVersions(t *testing.T) {
	var clock clock
	p := newPlace(t, clock.now, func(c *gcpstore.Config) {
		c.Keep = func(string) (int, bool) { return 20, true }
	})
	log := ledger.Parameter{Store: p.Store, Name: "TOKEN"}
	l := &ledger.Ledger{Log: log, Of: "A_"}
	last := ledger.Entry{}
	put := func(state string) {
		t.Helper()
		var err error
		last, err = l.Put(t.Context(), ledger.NewDraft("A_", last, secret(state), clock.now(), state))
		require.NoError(t, err)
	}
	requireAll := func(readers ...*ledger.Ledger) {
		t.Helper()
		for _, reader := range append(readers, l, &ledger.Ledger{Log: log, Of: "A_"}) {
			got, err := reader.Newest(t.Context(), p.get("TOKEN"))
			require.NoError(t, err)
			require.Equal(t, last.State, got.State, "version %d", last.Version)
			require.Equal(t, last.Version, got.Version)
		}
	}
	alive := func() int {
		in, err := p.Inspect(t.Context(), "TOKEN")
		require.NoError(t, err)
		return in.Costing
	}
	behind := &ledger.Ledger{Log: log, Of: "A_"}
	for n := range 180 {
		clock.pass(18 * time.Minute)
		put(fmt.Sprintf(`"%d"`, n))
		requireAll()
		if n == 90 {
			requireAll(behind)
		}
		if last.Version > 104 {
			require.LessOrEqual(t, alive(), 24)
		}
		if n%10 == 7 { // what somebody wrote by hand is passed over, from any place
			for range 3 {
				p.put("TOKEN", "by hand")
			}
			requireAll()
		}
	}
	requireAll(behind)
	t.Run("and Google does not tell yet what is destroyed", func(t *testing.T) {
		for last.Version%5 != 4 {
			put(fmt.Sprintf(`"%d more"`, last.Version))
		}
		clock.pass(2 * time.Hour)
		p.server.FreezeAll()
		put(`"destroys"`)
		p.server.Freeze() // when the newest was added is told
		p.put("TOKEN", "by hand")
		requireAll(behind)
	})
}
