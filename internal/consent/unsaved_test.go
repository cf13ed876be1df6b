package consent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// invocation has a deadline by the test's clock, which never fires.
type invocation struct {
	context.Context
	deadline time.Time
}

func (i invocation) Deadline() (time.Time, bool) { return i.deadline, true }

// few has Atlassian grant fewer scopes than were asked for, so that a person must decide.
func few(r *atlassiantest.ConsentRequest) { r.Scopes = []string{"offline_access", "read:jira-work"} }

// outage has the store take no writes from the first one to CONSENT_TOKENS on: neither of
// that name nor, if all is set, of another.
func (f *faulty) outage(now func() time.Time, lasts time.Duration, all bool) {
	var since time.Time
	f.strike = func(op, name string) error {
		tokens := name == namesA.ConsentTokens
		if since.IsZero() && tokens {
			since = now()
		}
		if op == "write" && !since.IsZero() && now().Sub(since) < lasts && (tokens || all) {
			return store.ErrNotWritten
		}
		return nil
	}
}

// The store takes no writes for a while after the exchange. The tokens are kept: for a
// decision, or to be put in use by the same request again.
func TestTokensOutliveAnOutage(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*atlassiantest.ConsentRequest)
		lasts  time.Duration
		all    bool
		want   consent.ErrorType
		// restarts: another process goes on.
		restarts bool
	}{
		{"seconds, before a decision", few, 5 * time.Second, true, consent.ScopesMissing, true},
		{"minutes, before a decision", few, 10 * time.Minute, true, consent.StoreFailed, false},
		{"minutes, of CONSENT_TOKENS only", few, 10 * time.Minute, false, consent.StoreFailed, false},
		{"minutes, before they are in use", nil, 10 * time.Minute, true, consent.StoreFailed, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.kills()
			w.consented(connA)
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, c.change)}
			w.mem.outage(w.clock.Now, c.lasts, c.all)
			_, err := w.service.Complete(invocation{context.Background(), w.clock.Now().Add(3 * time.Minute)}, request)
			w.refusedType(c.want, err)
			require.NotContains(t, err.Error(), "are set aside")
			if c.restarts {
				w.restart()
			}
			w.mem.strike = nil
			request.Confirm = true
			done, err := w.complete(request)
			require.NoError(t, err)
			w.requireLive(c.name)
			require.Empty(t, w.get(namesA.ConsentTokens))
			again, err := w.complete(request)
			require.NoError(t, err)
			require.Equal(t, done.AuthorizedAt, again.AuthorizedAt)
		})
	}
}

// What a process remembers is over with the hour, and where a newer consent is in use.
func TestRememberedTokensEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		pass func(*world)
	}{
		{"an hour passes", func(w *world) { w.clock.Advance(consent.WaitingLifetime) }},
		{"another process completes a newer consent", func(w *world) {
			remembers := w.service
			w.restart()
			w.clock.Advance(time.Second)
			w.consented(connA)
			w.service = remembers
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.mem.outage(w.clock.Now, time.Hour, false)
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, few)}
			_, err := w.complete(request)
			w.refusedType(consent.StoreFailed, err)
			w.mem.strike = nil
			status, err := w.service.Status(t.Context(), consent.StatusRequest{Connection: connA})
			require.NoError(t, err)
			require.Equal(t, consent.ScopesMissing, status.Connections[0].Waiting.Needs)
			c.pass(w)
			status, err = w.service.Status(t.Context(), consent.StatusRequest{Connection: connA})
			require.NoError(t, err)
			require.Nil(t, status.Connections[0].Waiting)
			request.Confirm = true
			before := w.contents(connA)
			_, err = w.complete(request)
			w.refused(consent.ConsentExpired, err, connA, before)
		})
	}
}

// Tokens that need a decision and cannot be set aside for it are not promised for longer
// than the process lives.
func TestTokensThatCannotWait(t *testing.T) {
	w := newWorld(t)
	w.mem.strike = func(op, name string) error {
		if op == "write" && name == namesA.ConsentTokens {
			return store.ErrDenied
		}
		return nil
	}
	_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL), Site: "elsewhere"})
	w.refused(consent.StoreFailed, err, connA, w.contents(connA))
	require.ErrorContains(t, err, "elsewhere")
	require.ErrorContains(t, err, namesA.ConsentTokens)
	require.ErrorContains(t, err, "only this process")
}

// The tokens are set aside, and what they wait for cannot be written beside them: they
// wait all the same.
func TestTheReasonToWaitCannotBeWritten(t *testing.T) {
	w := newWorld(t)
	writes := 0
	w.mem.strike = func(op, name string) error {
		if op == "write" && name == namesA.ConsentTokens {
			if writes++; writes > 1 {
				return store.ErrNotWritten
			}
		}
		return nil
	}
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, few)}
	_, err := w.complete(request)
	w.refusedType(consent.ScopesMissing, err)
	w.restart()
	request.Confirm = true
	_, err = w.complete(request)
	require.NoError(t, err)
}

// The tokens wait, and are removed from CONSENT_TOKENS by mistake. The process that received
// them has them still. When the person decides, it sets them aside again before all else.
func TestWaitingTokensAreRemoved(t *testing.T) {
	w := newWorld(t)
	w.kills()
	w.consented(connA)
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, few)}
	_, err := w.complete(request)
	w.refusedType(consent.ScopesMissing, err)
	require.NoError(t, w.mem.Delete(t.Context(), namesA.ConsentTokens))
	entries := 0
	w.mem.strike = func(op, name string) error {
		if op == "write" && name == namesA.Ledger {
			if entries++; entries > 1 { // the first one announces the consent
				panic(crash{})
			}
		}
		return nil
	}
	request.Confirm = true
	_, err = w.attempt(request)
	require.ErrorContains(t, err, "crashed")
	w.mem.strike = nil
	w.restart()
	_, err = w.complete(request)
	require.NoError(t, err)
	w.requireLive("")
	require.Empty(t, w.get(namesA.ConsentTokens))
}
