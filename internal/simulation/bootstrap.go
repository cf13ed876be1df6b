package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/refresher"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// bootstrap lets the bootstrap function carry a person's consent out beside
// whatever runs now. It is a process of its own, which the platform does not
// call again: what it holds in memory at its end is lost. One consent is carried
// out at a time; see fillIn.
func (w *world) bootstrap(turns uint64) {
	if w.now.Before(w.filling) {
		return
	}
	for _, o := range w.others {
		if o.consents {
			return
		}
	}
	w.started++
	a := &actor{name: fmt.Sprintf("bootstrap-%d", w.started), consents: true, refresher: &refresher.Refresher{}}
	now := func() time.Time {
		if w.armed {
			_, _ = w.begin(a, opClock, "")
		}
		return w.now.Add(w.skew)
	}
	sleep := func(_ context.Context, d time.Duration) {
		h, _ := w.begin(a, opSleep, "")
		w.stall(d) // those that run beside cannot go on meanwhile
		w.advance(d)
		w.killIfLate(a)
		_ = w.end(a, h, nil)
	}
	keeper := rotation.New(rotation.Config{Store: storage{w, a}, Token: endpoint{w, a}, Process: a.name, Now: now, Sleep: sleep})
	w.beside(a, turns, func() {
		a.begun, a.deadline, a.busy = w.now, w.now.Add(invocation), true
		defer func() {
			a.busy, a.dead = false, true
			if r := recover(); r != nil {
				if _, kill := r.(killedProcess); !kill {
					panic(r)
				}
			}
		}()
		ctx := invocationContext{context.Background(), w.now.Add(w.skew).Add(invocation)}
		_, err := keeper.Consent(ctx, w.conn, w.log, func(context.Context, family.Snapshot) (rotation.Grant, error) { return w.consent(a) })
		if err != nil {
			w.canary.look(err.Error())
		}
		if w.trace != nil {
			w.trace(fmt.Sprintf("%s ends: %v", a.name, err))
		}
	})
}

// consent is a person's consent and the exchange of its code, which can go
// wrong as every token request can.
func (w *world) consent(a *actor) (rotation.Grant, error) {
	h, _ := w.begin(a, opPost, "")
	at := w.now.Add(w.skew)
	w.advance(postLatency)
	w.killIfLate(a)
	switch {
	case h.post == Unreached, h.post == Throttle, h.post == ErrorBefore, h.post == OmitBefore,
		w.down&(atlassianUnreachable|atlassianFailsBefore) != 0:
		return rotation.Grant{}, w.end(a, h, errNoAnswer)
	}
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	if err != nil {
		return rotation.Grant{}, w.end(a, h, errNoAnswer) // the account is deactivated
	}
	if h.post != 0 || w.down&atlassianFailsAfter != 0 {
		return rotation.Grant{}, w.end(a, h, errNoAnswer)
	}
	a.received, a.consented = tokens.Refresh, tokens.FamilyID
	w.oracle.receives(a, tokens.Refresh)
	g := rotation.Grant{At: at, Token: atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}}
	return g, w.end(a, h, nil)
}
