package simulation

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// authorize starts a process in which a person consents, as "tokenkeeper
// authorize" does: on the person's own machine, where it has all the time it
// wants, or as a Lambda function.
func (w *world) authorize(n uint64) {
	a := w.spawn()
	a.name = fmt.Sprintf("authorize-%d", w.started)
	a.keeper.Process, a.consents = a.name, true
	w.beside(a, n>>1, func() {
		defer func() {
			a.busy = false
			if r := recover(); r != nil {
				if _, kill := r.(killedProcess); !kill {
					panic(r)
				}
				a.dead = true
			}
		}()
		a.busy, a.begun = true, w.now
		ctx := context.Background()
		if n&1 != 0 {
			a.deadline = w.now.Add(invocation)
			ctx = invocationContext{ctx, w.now.Add(w.skew).Add(invocation)}
		}
		_, err := a.keeper.Consent(ctx, w.conn, w.log, func(context.Context, family.Snapshot) (keeper.Grant, error) {
			return w.exchange(a)
		})
		if err != nil {
			w.canary.look(err.Error())
		}
		if w.trace != nil {
			w.trace(fmt.Sprintf("%s ends: %v", a.name, err))
		}
	})
}

var errCodeLost = errors.New("the authorization code is spent, and its answer is lost")

// exchange exchanges a fresh authorization code.
func (w *world) exchange(a *actor) (keeper.Grant, error) {
	at := w.now.Add(w.skew)
	h, err := w.begin(a, opConsent, "")
	if err != nil {
		return keeper.Grant{}, err
	}
	w.advance(postLatency)
	w.killIfLate(a)
	if w.down&(atlassianUnreachable|atlassianFailsBefore) != 0 {
		return keeper.Grant{}, w.end(a, h, errNoAnswer)
	}
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	if err != nil {
		return keeper.Grant{}, w.end(a, h, err)
	}
	if w.down&atlassianFailsAfter != 0 {
		return keeper.Grant{}, w.end(a, h, errCodeLost)
	}
	return keeper.Grant{At: at, Token: atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh,
		ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}}, w.end(a, h, nil)
}
