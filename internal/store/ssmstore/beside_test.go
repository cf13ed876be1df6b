package ssmstore_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// after lets moto handle a request once another has been answered, and what is
// to happen in between has.
func (r *remembering) after(answered <-chan struct{}, between func()) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-answered:
			between()
		case <-q.Context().Done(): // the other request never comes
		}
		r.moto.ServeHTTP(w, q)
	}
}

// first lets moto handle a request, and then closes answered.
func (r *remembering) first(answered chan struct{}) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, q *http.Request) {
		r.moto.ServeHTTP(w, q)
		close(answered)
	}
}

// The read without decryption and the one with it run at the same time: each is
// answered only when the other has arrived.
func TestAGlanceAndItsDecryptionRunSideBySide(t *testing.T) {
	all := func(r *remembering) map[string]string {
		return map[string]string{r.secret: "one", r.second: "two", r.open: "three"}
	}
	sideBySide := func(r *remembering) {
		glanced, decrypted := make(chan struct{}), make(chan struct{})
		meet := func(mine chan struct{}, other <-chan struct{}) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, q *http.Request) {
				close(mine)
				r.after(other, func() {})(w, q)
			}
		}
		r.during(meet(glanced, decrypted), meet(decrypted, glanced))
	}
	t.Run("the proof of the key", func(t *testing.T) {
		r := newRemembering(t)
		r.pass(2 * time.Minute)
		sideBySide(r)
		r.readOn(all(r), "glance 4", "decrypt 1")
	})
	t.Run("what this store wrote", func(t *testing.T) {
		r := newRemembering(t)
		third := r.name("THIRD")
		r.put(third, "three", store.Encrypted)
		names := []string{r.secret, r.second, third}
		_, err := r.store.Read(t.Context(), names...)
		require.NoError(t, err)
		_, err = r.store.Write(t.Context(), third, atlassian.NewSecret("mine"), store.Encrypted)
		require.NoError(t, err)
		r.pass(2 * time.Minute)
		sideBySide(r)
		found, err := r.store.Read(t.Context(), names...)
		require.NoError(t, err)
		require.Equal(t, "mine", found[third].Value.Reveal())
		r.called("glance 3", "decrypt 1")
	})
}

// Whatever changes between the two calls that run side by side, the answer is
// one state of the store.
func TestAChangeBetweenAGlanceAndItsDecryption(t *testing.T) {
	for _, test := range []struct {
		name        string
		glanceFirst bool
		change      func(*remembering)
		// want is the secret that proves the key, and empty if it is gone.
		want  string
		calls []string
	}{
		{"seen by the decryption only", true, func(r *remembering) { r.put(r.secret, "newer", store.Encrypted) },
			"newer", []string{"glance 4", "decrypt 1", "decrypt 4"}},
		{"seen by the glance only", false, func(r *remembering) { r.put(r.secret, "newer", store.Encrypted) },
			"newer", []string{"glance 4", "decrypt 1", "decrypt 4"}},
		{"deleted, seen by the decryption only", true, func(r *remembering) { require.NoError(r, r.other.Delete(r.Context(), r.secret)) },
			"", []string{"glance 4", "decrypt 1", "decrypt 4"}},
		{"deleted, seen by the glance only", false, func(r *remembering) { require.NoError(r, r.other.Delete(r.Context(), r.secret)) },
			"", []string{"glance 4", "decrypt 1", "decrypt 4"}},
		{"created anew with the same version", true, func(r *remembering) {
			require.NoError(r, r.other.Delete(r.Context(), r.secret))
			r.put(r.secret, "reborn", store.Encrypted)
		}, "reborn", []string{"glance 4", "decrypt 1", "decrypt 4"}},
		{"another secret, seen by the decryption's time only", true, func(r *remembering) { r.put(r.none, "new", store.Encrypted) },
			"one", []string{"glance 4", "decrypt 1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRemembering(t)
			r.pass(2 * time.Minute)
			answered := make(chan struct{})
			change := func() { test.change(r) }
			if test.glanceFirst {
				r.during(r.first(answered), r.once(r.after(answered, change)))
			} else {
				r.during(r.after(answered, change), r.once(r.first(answered)))
			}
			want := map[string]string{r.secret: test.want, r.second: "two", r.open: "three"}
			if test.want == "" {
				delete(want, r.secret)
			}
			r.readOn(want, test.calls...)
		})
	}
}

// once handles the first request of its kind, and leaves the others to moto.
func (r *remembering) once(handle func(http.ResponseWriter, *http.Request)) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		now := handle
		handle = r.moto.ServeHTTP
		r.mu.Unlock()
		now(w, q)
	}
}

// What changed before both calls is decrypted by the one that proves the key.
func TestTheProofDecryptsWhatChanged(t *testing.T) {
	r := newRemembering(t)
	r.put(r.secret, "changed", store.Encrypted)
	r.pass(2 * time.Minute)
	r.read(map[string]string{r.secret: "changed", r.second: "two", r.open: "three"}, "glance 4", "decrypt 1")

	// Another secret changed as well: it is decrypted after the glance.
	r.put(r.second, "changed too", store.Encrypted)
	r.pass(2 * time.Minute)
	r.read(map[string]string{r.secret: "changed", r.second: "changed too", r.open: "three"}, "glance 4", "decrypt 1", "decrypt 1")

	// The secret that should prove the key is gone: the next one proves it.
	require.NoError(t, r.other.Delete(t.Context(), r.secret))
	r.pass(2 * time.Minute)
	r.read(map[string]string{r.second: "changed too", r.open: "three"}, "glance 4", "decrypt 1", "decrypt 1")
}

// A glance that fails ends the decryption beside it, and the read at once.
func TestAFailedGlanceEndsItsDecryption(t *testing.T) {
	r := newRemembering(t)
	r.pass(2 * time.Minute)
	asked, ended := make(chan struct{}), make(chan struct{})
	denied := answer(400, "AccessDeniedException")
	r.during(func(w http.ResponseWriter, q *http.Request) {
		<-asked
		denied(w, q)
	}, func(_ http.ResponseWriter, q *http.Request) {
		close(asked)
		<-q.Context().Done()
		close(ended)
	})
	_, err := r.store.Read(t.Context(), r.secret, r.second)
	require.ErrorIs(t, err, store.ErrDenied)
	<-ended
	r.called("glance 2", "decrypt 1")
}
