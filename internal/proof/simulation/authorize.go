package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// authorize starts a process in which a person consents, as "tokenkeeper
// authorize" does: on the person's own machine, where it has all the time it
// wants, or as a Lambda function.
func (w *world) authorize(n uint64) {
	a := w.admit(&actor{w: w, role: consents}, "authorize")
	a.equip()
	w.beside(a, n>>1, func() {
		defer ends(&a.dead)
		defer func() { a.busy = false }()
		a.open()
		ctx := context.Context(invocationContext{context.Background(), a.deadline.Add(a.skew)})
		if n&1 == 0 {
			a.deadline = time.Time{}
			ctx = context.Background()
		}
		_, err := a.keeper.Consent(ctx, w.conn, w.log, func(_ context.Context, s family.Snapshot) (keeper.Grant, error) {
			return a.exchange(s.Now)
		})
		if err != nil {
			w.canary.look(err.Error())
		}
		w.note("%s ends: %v", a.name, err)
		w.oracle.consentEnds(a)
	})
}

var errCodeLost = errors.New("the authorization code is spent, and its answer is lost")

// exchange exchanges a fresh authorization code. at is the time by the store's
// clock, as it is known.
func (a *actor) exchange(at time.Time) (keeper.Grant, error) {
	w := a.w
	began := w.now
	h, err := a.begin(opConsent, "")
	if err != nil {
		return keeper.Grant{}, err
	}
	at = at.Add(w.now.Sub(began))
	w.advance(postLatency)
	a.killIfLate()
	if w.down&(atlassianUnreachable|atlassianFailsBefore|atlassianDenies) != 0 {
		return keeper.Grant{}, a.end(h, errNoAnswer)
	}
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	if err != nil {
		return keeper.Grant{}, a.end(h, err)
	}
	if w.down&atlassianFailsAfter != 0 {
		return keeper.Grant{}, a.end(h, errCodeLost)
	}
	if err := a.end(h, nil); err != nil {
		return keeper.Grant{}, err
	}
	a.received = tokens.Refresh
	return keeper.Grant{At: at, Token: atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}}, nil
}
