package consent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// repeated makes a request until it is completed, three times at most, and returns the last
// error.
func repeated(w *world, r consent.CompleteRequest) (err error) {
	for range 3 {
		if _, err = w.attempt(r); err == nil {
			return nil
		}
		w.clock.Advance(20 * time.Second)
	}
	return err
}

// The token endpoint did not look at the code, which is good still. The same request is
// repeated, and completes the consent.
func TestTheCodeWasNotLookedAt(t *testing.T) {
	for name, f := range map[string]atlassiantest.Fault{
		"429 for ten seconds":     {Status: 429, RetryAfter: "10", Times: 3},
		"404, for a while":        {Status: 404, Times: 4},
		"403 of a firewall, once": {Status: 403, Body: "<html>", Times: 1},
		"401, once":               {Status: 401, Times: 1},
		"401, for a while":        {Status: 401, Times: 4},
		"407 for four seconds":    {Status: 407, Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.consented(connA)
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
			f.Endpoint, f.When, f.Kind = atlassiantest.EndpointToken, atlassiantest.Before, atlassiantest.KindStatus
			require.NoError(t, w.em.Inject(f))
			w.stepped("first")
			require.NoError(t, repeated(w, request))
			w.requireLive("")
		})
	}
}

// Whether the code was used is not known: the consent is over, as the answer says.
func TestTheCodeMayHaveBeenUsed(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After,
		Kind: atlassiantest.KindStatus, Status: 502, Times: 9}))
	w.stepped("first")
	_, err := w.attempt(request)
	require.ErrorContains(t, err, "consent again")
	_, err = w.attempt(request)
	w.refusedType(consent.ConsentExpired, err)
}

// CONSENT_STATE is deleted and the answer is lost, or a new consent has begun since. The
// request can be repeated, unless another one has taken its place.
func TestTheClaimsAnswerIsLost(t *testing.T) {
	for name, another := range map[string]bool{"alone": false, "another consent has begun": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.consented(connA)
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
			s := w.stepped("first")
			s.after = func(n int) error {
				if s.ops[n] != "delete CONSENT_STATE" {
					return nil
				}
				s.after = nil
				if another {
					w.begin(connA)
				}
				return errors.New("the answer is lost")
			}
			_, err := w.attempt(request)
			w.refusedType(consent.StoreFailed, err)
			err = repeated(w, request)
			if another {
				w.refusedType(consent.ConsentExpired, err)
				return
			}
			require.NoError(t, err)
			w.requireLive("")
		})
	}
}
