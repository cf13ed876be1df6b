package gcpstore_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// place is a store and its emulator.
type place struct {
	*testing.T
	*gcpstore.Store
	server *emulator.Server
	client *secretmanager.Client
}

// clock is the server's. Tests advance it while a request may still run.
type clock struct{ passed atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.passed.Load()))
}

func (c *clock) pass(d time.Duration) { c.passed.Add(int64(d)) }

func newPlace(t *testing.T, now func() time.Time, change func(*gcpstore.Config)) *place {
	t.Helper()
	server, client := open(t, now)
	cfg := gcpstore.Config{Project: emulator.Project}
	if change != nil {
		change(&cfg)
	}
	return &place{T: t, Store: gcpstore.New(client, cfg), server: server, client: client}
}

func resource(name string, version int64) string {
	return fmt.Sprintf("projects/%s/secrets/%s/versions/%d", emulator.Project, name, version)
}

func (p *place) put(name, value string) int64 {
	p.Helper()
	v, err := p.Write(p.Context(), name, secret(value), store.Encrypted)
	require.NoError(p, err)
	return v
}

func (p *place) get(name string) store.Entry {
	p.Helper()
	found, err := p.Read(p.Context(), name)
	require.NoError(p, err)
	return found[name]
}

func (p *place) destroy(name string, version int64) {
	p.Helper()
	_, err := p.client.DestroySecretVersion(p.Context(), &secretmanagerpb.DestroySecretVersionRequest{Name: resource(name, version)})
	require.NoError(p, err)
}

func values(entries []store.Entry) (all []string) {
	for _, e := range entries {
		all = append(all, fmt.Sprint(e.Version, " ", e.Value.Reveal()))
	}
	return all
}

// What psoxy's Terraform makes and nobody has filled in yet.
func TestASecretWithoutAVersionIsAbsent(t *testing.T) {
	p := newPlace(t, nil, nil)
	_, err := p.client.CreateSecret(t.Context(), &secretmanagerpb.CreateSecretRequest{Parent: "projects/" + emulator.Project, SecretId: "TOKEN",
		Secret: &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{}}}})
	require.NoError(t, err)
	require.Zero(t, p.get("TOKEN"))
	_, err = p.Create(t.Context(), "TOKEN", secret("mine"), store.Encrypted)
	require.ErrorIs(t, err, store.ErrExists)
	require.EqualValues(t, 1, p.put("TOKEN", "filled in"))
	require.Equal(t, "filled in", p.get("TOKEN").Value.Reveal())
}

func TestPrefix(t *testing.T) {
	p := newPlace(t, nil, func(c *gcpstore.Config) { c.Prefix = "corp-" })
	p.put("TOKEN", "one")
	require.Equal(t, []string{"corp-TOKEN"}, p.server.IDs())
	require.Equal(t, "one", p.get("TOKEN").Value.Reveal())
	other := gcpstore.New(p.client, gcpstore.Config{Project: emulator.Project})
	for n := range 60 {
		_, err := other.Write(t.Context(), fmt.Sprint("OTHER", n), secret("x"), store.Encrypted)
		require.NoError(t, err)
	}
	names, err := p.Names(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"TOKEN"}, names)
	names, err = other.Names(t.Context())
	require.NoError(t, err)
	require.Len(t, names, 61)
	p.server.Deny("ListSecrets", "")
	_, err = p.Names(t.Context())
	require.ErrorIs(t, err, store.ErrDenied)
}

func TestVersionsThatSomebodyTurnedOff(t *testing.T) {
	disable := func(p *place, version int64) {
		_, err := p.client.DisableSecretVersion(p.Context(), &secretmanagerpb.DisableSecretVersionRequest{Name: resource("TOKEN", version)})
		require.NoError(p, err)
	}
	three := func(t *testing.T) *place {
		p := newPlace(t, nil, nil)
		for n := range 3 {
			p.put("TOKEN", fmt.Sprint("value ", n+1))
		}
		return p
	}
	t.Run("the newest is destroyed: it is there, and says nothing", func(t *testing.T) {
		p := three(t)
		p.destroy("TOKEN", 3)
		e := p.get("TOKEN")
		require.EqualValues(t, 3, e.Version)
		require.True(t, e.Value.IsZero())
		history, err := p.History(t.Context(), "TOKEN", 0)
		require.NoError(t, err)
		require.Equal(t, []string{"1 value 1", "2 value 2", "3 "}, values(history))
		require.EqualValues(t, 4, p.put("TOKEN", "value 4"))
	})
	t.Run("the oldest are destroyed: their numbers stay", func(t *testing.T) {
		p := three(t)
		p.destroy("TOKEN", 1)
		history, err := p.History(t.Context(), "TOKEN", 0)
		require.NoError(t, err)
		require.Equal(t, []string{"1 ", "2 value 2", "3 value 3"}, values(history))
	})
	t.Run("all of a ledger is destroyed: it begins again on top", func(t *testing.T) {
		for _, many := range []int64{3, store.KeptVersions + 30} {
			p := newPlace(t, nil, nil)
			l := &ledger.Ledger{Log: ledger.Parameter{Store: p.Store, Name: "TOKEN"}, Of: "A_"}
			put := func(base ledger.Entry, state string) ledger.Entry {
				e, err := l.Put(t.Context(), ledger.NewDraft("A_", base, secret(state), time.Now(), fmt.Sprint(base.Version, state)))
				require.NoError(t, err)
				return e
			}
			last := ledger.Entry{}
			for range many {
				last = put(last, `"before"`)
			}
			for n := range many {
				p.destroy("TOKEN", n+1)
			}
			knew := l
			l = &ledger.Ledger{Log: l.Log, Of: "A_"}
			last, err := l.Newest(t.Context(), p.get("TOKEN"))
			require.NoError(t, err)
			require.Zero(t, last.State)
			anew := put(last, `"anew"`)
			require.Equal(t, many+1, anew.Version)
			for _, reader := range []*ledger.Ledger{knew, l, {Log: l.Log, Of: "A_"}} {
				got, err := reader.Newest(t.Context(), p.get("TOKEN"))
				require.NoError(t, err)
				require.Equal(t, `"anew"`, got.State.Reveal())
			}
		}
	})
	t.Run("one is disabled: whoever needs it is told", func(t *testing.T) {
		p := three(t)
		disable(p, 2)
		require.Equal(t, "value 3", p.get("TOKEN").Value.Reveal())
		_, err := p.History(t.Context(), "TOKEN", 0)
		require.ErrorIs(t, err, store.ErrDenied)
		require.ErrorContains(t, err, "TOKEN: version 2 is disabled: enable it")
		disable(p, 3)
		_, err = p.Read(t.Context(), "TOKEN")
		require.ErrorIs(t, err, store.ErrDenied)
		require.ErrorContains(t, err, "TOKEN: version 3 is disabled")
	})
	t.Run("the state has not propagated yet", func(t *testing.T) {
		p := three(t)
		p.server.FreezeAll()
		disable(p, 3)
		_, err := p.Read(t.Context(), "TOKEN")
		require.ErrorIs(t, err, store.ErrDenied)
		require.ErrorContains(t, err, "version 3 cannot be accessed")
	})
}

// What lags behind is not believed: numbers go on where `latest` ends.
func TestLatestLagsBehind(t *testing.T) {
	p := newPlace(t, nil, nil)
	p.put("TOKEN", "one")
	p.server.FreezeAll()
	for n := int64(2); n < 9; n++ {
		require.Equal(t, n, p.put("TOKEN", fmt.Sprint("value ", n)))
		e := p.get("TOKEN")
		require.Equal(t, fmt.Sprint("value ", n), e.Value.Reveal())
		require.WithinDuration(t, time.Now(), e.Modified, time.Minute)
	}
	history, err := p.History(t.Context(), "TOKEN", 6)
	require.NoError(t, err)
	require.Equal(t, []string{"6 value 6", "7 value 7", "8 value 8"}, values(history))
	t.Run("another process is not told when they were written, and waits", func(t *testing.T) {
		other := gcpstore.New(p.client, gcpstore.Config{Project: emulator.Project})
		_, err := other.Read(t.Context(), "TOKEN")
		require.ErrorContains(t, err, "TOKEN: version 8 is there, and Secret Manager does not tell yet when it was added")
		require.NotErrorIs(t, err, store.ErrDenied)
		p.server.Freeze() // versions by number have propagated now
		found, err := other.Read(t.Context(), "TOKEN")
		require.NoError(t, err)
		require.Equal(t, "value 8", found["TOKEN"].Value.Reveal())
	})
	p.server.Thaw()
	require.Equal(t, "value 8", p.get("TOKEN").Value.Reveal())
}

// What a code means for the store, and that nothing of the API's text is shown.
func TestErrors(t *testing.T) {
	const canary = "canary-41"
	for code, want := range map[codes.Code]error{
		codes.PermissionDenied: store.ErrDenied, codes.Unauthenticated: store.ErrDenied, codes.FailedPrecondition: store.ErrDenied,
		codes.ResourceExhausted: store.ErrNotWritten, codes.Aborted: store.ErrNotWritten, codes.InvalidArgument: store.ErrUnwritable,
		codes.Unavailable: nil, codes.Internal: nil, codes.DataLoss: nil,
	} {
		t.Run(code.String(), func(t *testing.T) {
			p := newPlace(t, nil, nil)
			p.put("TOKEN", "before")
			p.server.Before(func(c emulator.Call) error { return status.Error(code, "it said "+canary) })
			_, err := p.Write(t.Context(), "TOKEN", secret(canary), store.Encrypted)
			require.Error(t, err)
			require.ErrorContains(t, err, "TOKEN: ")
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), canary)
			for _, class := range []error{store.ErrDenied, store.ErrNotWritten, store.ErrUnwritable, store.ErrNotFound, store.ErrExists} {
				require.Equal(t, class == want, errors.Is(err, class), "%v", class)
			}
		})
	}
}

// once lets the method fail once after it was carried out.
func once(method string, code codes.Code) func(emulator.Call) error {
	done := false
	return func(c emulator.Call) error {
		if c.Method != method || done {
			return nil
		}
		done = true
		return status.Error(code, "lost")
	}
}

func TestLostAnswers(t *testing.T) {
	t.Run("a version is added twice, and the later one returned", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put("TOKEN", "one")
		p.server.After(once("AddSecretVersion", codes.Unavailable))
		require.EqualValues(t, 3, p.put("TOKEN", "two"))
		require.Equal(t, "two", p.get("TOKEN").Value.Reveal())
	})
	t.Run("a secret is made, and its answer lost", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.server.After(once("CreateSecret", codes.Unavailable))
		require.EqualValues(t, 1, p.put("TOKEN", "one"))
	})
	t.Run("a delete", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put("TOKEN", "one")
		p.server.After(once("DeleteSecret", codes.Unavailable))
		require.NoError(t, p.Delete(t.Context(), "TOKEN"))
		require.Zero(t, p.get("TOKEN"))
	})
	t.Run("then a refusal: it may have been written", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put("TOKEN", "one")
		lost := once("AddSecretVersion", codes.Unavailable)
		p.server.After(func(c emulator.Call) error {
			err := lost(c)
			if err != nil {
				p.server.Deny("AddSecretVersion", "TOKEN")
			}
			return err
		})
		_, err := p.Write(t.Context(), "TOKEN", secret("two"), store.Encrypted)
		require.ErrorContains(t, err, "may have taken effect")
		require.NotErrorIs(t, err, store.ErrDenied)
		require.Equal(t, "two", p.get("TOKEN").Value.Reveal())
	})
}

// Old versions are destroyed, but none that is kept or young.
func TestOldVersionsAreDestroyed(t *testing.T) {
	var clock clock
	keep := func(c *gcpstore.Config) { c.Keep = func(string) (int, bool) { return 10, false } }
	p := newPlace(t, clock.now, keep)
	enabled := func() (alive int) {
		found := p.client.ListSecretVersions(t.Context(), &secretmanagerpb.ListSecretVersionsRequest{Parent: "projects/" + emulator.Project + "/secrets/TOKEN"})
		for v, err := range found.All() {
			require.NoError(t, err)
			if v.GetState() == secretmanagerpb.SecretVersion_ENABLED {
				alive++
			}
		}
		return alive
	}
	for n := range 30 {
		p.put("TOKEN", fmt.Sprint(n))
	}
	require.Equal(t, 30, enabled(), "all are young")
	for range 60 {
		clock.pass(35 * time.Minute)
		p.put("TOKEN", "x")
		require.LessOrEqual(t, enabled(), 40)
	}
	require.Equal(t, 10, enabled())
	history, err := p.History(t.Context(), "TOKEN", 0)
	require.NoError(t, err)
	require.Len(t, history, 10)
	p.server.Deny("DestroySecretVersion", "")
	for range 10 {
		clock.pass(35 * time.Minute)
		p.put("TOKEN", "y")
	}
	require.Equal(t, 20, enabled(), "whoever may not destroy writes all the same")
}
