package ssmstore_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// remembering is a store that has read a connection's worth of parameters, with
// a clock of its own and another process's store beside it.
type remembering struct {
	*testing.T
	*between
	store, other *ssmstore.Store
	mu           sync.Mutex
	time         time.Time
	// secret, second are encrypted, open is not, none does not exist.
	secret, second, open, none string
}

func newRemembering(t *testing.T) *remembering {
	b, _ := newBetween(t)
	r := &remembering{T: t, between: b, time: time.Now(),
		secret: b.name("SECRET"), second: b.name("SECOND"), open: b.name("OPEN"), none: b.name("NONE")}
	cfg := moto.Start(t).AWSConfig()
	r.other = ssmstore.New(ssmstore.NewClient(cfg), key, time.Now)
	cfg.BaseEndpoint = aws.String(b.URL)
	r.store = ssmstore.New(ssmstore.NewClient(cfg), key, func() time.Time {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.time
	})
	r.put(r.secret, "one", store.Encrypted)
	r.put(r.second, "two", store.Encrypted)
	r.put(r.open, "three", store.Plain)
	r.read(map[string]string{r.secret: "one", r.second: "two", r.open: "three"}, "decrypt 4")
	return r
}

// put is a write by the other process.
func (r *remembering) put(name, value string, kind store.Kind) {
	r.Helper()
	_, err := r.other.Write(r.Context(), name, atlassian.NewSecret(value), kind)
	require.NoError(r, err)
}

func (r *remembering) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.time = r.time.Add(d)
}

// read checks what is found, and which calls found it, in any order.
func (r *remembering) read(want map[string]string, calls ...string) {
	r.Helper()
	r.then()
	r.readOn(want, calls...)
}

// readOn is read, with what the test has set to happen.
func (r *remembering) readOn(want map[string]string, calls ...string) {
	r.Helper()
	found, err := r.store.Read(r.Context(), r.secret, r.second, r.open, r.none)
	require.NoError(r, err)
	got := map[string]string{}
	for name, e := range found {
		got[name] = e.Value.Reveal()
	}
	require.Equal(r, want, got)
	r.called(calls...)
}

func (r *remembering) called(calls ...string) {
	r.Helper()
	var made []string
	for _, c := range r.seen() {
		how := "glance"
		if c.decrypts() {
			how = "decrypt"
		}
		made = append(made, fmt.Sprintf("%s %d", how, len(c.input["Names"].([]any))))
	}
	require.ElementsMatch(r, calls, made)
}

func TestWhatHasNotChangedIsNotDecryptedAgain(t *testing.T) {
	r := newRemembering(t)
	all := map[string]string{r.secret: "one", r.second: "two", r.open: "three"}
	r.read(all, "glance 4")

	// The key is proven by one decryption, and again when that is long ago.
	r.pass(5 * time.Minute)
	r.read(all, "glance 4", "decrypt 1")
	r.read(all, "glance 4")
	r.pass(-time.Hour)
	r.read(all, "glance 4", "decrypt 1")

	// What is not encrypted costs KMS nothing.
	r.put(r.open, "changed", store.Plain)
	all[r.open] = "changed"
	r.read(all, "glance 4")

	// Another store that is made of this one remembers the same.
	r.then()
	_, err := r.store.NotifyUnchanged(6, nil, unexpected(t)).Read(t.Context(), r.second, r.secret)
	require.NoError(t, err)
	r.called("glance 2")

	// One secret, and what is no secret, are not worth a glance.
	r.then()
	_, err = r.store.Read(t.Context(), r.second, r.open)
	require.NoError(t, err)
	r.called("decrypt 2")
}

func TestWhatOthersChangedIsSeen(t *testing.T) {
	r := newRemembering(t)
	all := map[string]string{r.secret: "changed", r.second: "two", r.open: "three"}
	r.put(r.secret, "changed", store.Encrypted)
	r.read(all, "glance 4", "decrypt 1")

	r.put(r.none, "a lock", store.Encrypted)
	all[r.none] = "a lock"
	r.read(all, "glance 4", "decrypt 1")
	require.NoError(t, r.other.Delete(t.Context(), r.none))
	delete(all, r.none)
	r.read(all, "glance 4")

	// Deleted and created anew: the same version of another value.
	require.NoError(t, r.other.Delete(t.Context(), r.second))
	r.put(r.second, "reborn", store.Encrypted)
	all[r.second] = "reborn"
	r.read(all, "glance 4", "decrypt 1")

	// The same again, as the other kind, and back.
	require.NoError(t, r.other.Delete(t.Context(), r.second))
	r.put(r.second, "in the open", store.Plain)
	all[r.second] = "in the open"
	r.read(all, "glance 4")
	require.NoError(t, r.other.Delete(t.Context(), r.second))
	r.put(r.second, "hidden", store.Encrypted)
	all[r.second] = "hidden"
	r.read(all, "glance 4", "decrypt 1")
}

// What this store wrote is decrypted by the next read, however the write ended,
// and by no other. Between intent and spend no call is added.
func TestOwnWritesAreReadBack(t *testing.T) {
	r := newRemembering(t)
	ctx := t.Context()
	all := map[string]string{r.secret: "one", r.second: "two", r.open: "three", r.none: "lock"}
	_, err := r.store.Create(ctx, r.none, atlassian.NewSecret("lock"), store.Encrypted)
	require.NoError(t, err)
	r.then()
	found, err := r.store.Read(ctx, r.secret, r.none)
	require.NoError(t, err)
	require.Equal(t, "lock", found[r.none].Value.Reveal())
	r.called("decrypt 2")

	_, err = r.store.Write(ctx, r.none, atlassian.NewSecret("lock, renewed"), store.Encrypted)
	require.NoError(t, err)
	all[r.none] = "lock, renewed"
	r.read(all, "glance 4", "decrypt 1")
	require.NoError(t, r.store.Delete(ctx, r.none))
	delete(all, r.none)
	r.read(all, "glance 4")

	for _, name := range []string{r.secret, r.second} {
		r.then(answer(400, "AccessDeniedException"))
		_, err = r.store.Write(ctx, name, atlassian.NewSecret("mine"), store.Encrypted)
		require.ErrorIs(t, err, store.ErrDenied)
	}
	r.read(all, "decrypt 4")

	// What a read found that was under way when this store wrote is not remembered.
	for _, name := range []string{r.secret, r.second} {
		r.then(func(w http.ResponseWriter, q *http.Request) {
			r.moto.ServeHTTP(w, q)
			_, err := r.store.Write(ctx, name, atlassian.NewSecret("mine"), store.Encrypted)
			require.NoError(t, err)
		})
		_, err = r.store.Read(ctx, name)
		require.NoError(t, err)
		all[name] = "mine"
	}
	r.read(all, "decrypt 4")

	// Two secrets changed, and one of them again between the two calls: all are read anew.
	r.put(r.none, "another's lock", store.Encrypted)
	r.then(r.moto.ServeHTTP, func(w http.ResponseWriter, q *http.Request) {
		r.put(r.none, "another's lock, renewed", store.Encrypted)
		r.put(r.open, "changed", store.Plain)
		r.moto.ServeHTTP(w, q)
	})
	found, err = r.store.Read(ctx, r.secret, r.second, r.open, r.none)
	require.NoError(t, err)
	require.Equal(t, "another's lock, renewed", found[r.none].Value.Reveal())
	require.Equal(t, "changed", found[r.open].Value.Reveal())
	r.called("glance 4", "decrypt 1", "decrypt 4")
}

// A key that cannot be used any more is noticed though nothing has changed: by the
// first read after the last proof has aged, and by every later one.
func TestALostKeyIsNoticed(t *testing.T) {
	r := newRemembering(t)
	for _, pass := range []time.Duration{time.Minute, 0, 0} {
		r.pass(pass)
		r.during(nil, answer(400, "KMSInvalidStateException"))
		_, err := r.store.Read(t.Context(), r.second, r.secret)
		require.ErrorIs(t, err, store.ErrDenied)
		require.ErrorContains(t, err, r.second)
		requireNoCanary(t, err)
		r.called("glance 2", "decrypt 1")
	}
	r.during(answer(400, "AccessDeniedException"), nil)
	_, err := r.store.Read(t.Context(), r.second, r.secret)
	require.ErrorIs(t, err, store.ErrDenied, "a glance that fails is a read that fails")
	requireNoCanary(t, err)
}

// Many reads at once prove the key once; if it cannot be used, all of them fail.
func TestReadersAtOnceProveTheKeyOnce(t *testing.T) {
	r := newRemembering(t)
	const readers = 8
	together := func() (failed int) {
		var wg sync.WaitGroup
		errs := make([]error, readers)
		for i := range readers {
			wg.Go(func() { _, errs[i] = r.store.Read(t.Context(), r.secret, r.second) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				require.ErrorIs(t, err, store.ErrDenied)
				failed++
			}
		}
		return failed
	}
	decryptions := func() (n int) {
		for _, c := range r.seen() {
			if c.decrypts() {
				n++
			}
		}
		return n
	}
	r.pass(time.Minute)
	r.then()
	require.Zero(t, together())
	require.Equal(t, 1, decryptions())

	r.pass(time.Minute)
	r.during(nil, answer(400, "KMSInvalidStateException"))
	require.Equal(t, readers, together())
}

// The SecureStrings of a glance come as ciphertext, with what tells a write
// from another: what Read relies on.
func TestAGlanceTellsWritesApart(t *testing.T) {
	r := newRemembering(t)
	client := ssmstore.NewClient(moto.Start(t).AWSConfig())
	look := func() types.Parameter {
		out, err := client.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{r.secret}, WithDecryption: aws.Bool(false)})
		require.NoError(t, err)
		return out.Parameters[0]
	}
	before := look()
	require.Equal(t, types.ParameterTypeSecureString, before.Type)
	require.NotEqual(t, "one", *before.Value)
	require.NoError(t, r.other.Delete(t.Context(), r.secret))
	r.put(r.secret, "one", store.Encrypted)
	after := look()
	require.Equal(t, before.Version, after.Version)
	require.NotEqual(t, *before.LastModifiedDate, *after.LastModifiedDate)
}
