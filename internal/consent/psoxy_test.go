package consent_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// stockPsoxy is psoxy 0.6.9, which refreshes the token by itself. One call after
// the other it creates its lock, reads it again, exchanges, writes both tokens and
// deletes the lock. Any failure ends it. What it did before stays.
type stockPsoxy struct {
	*world
	lock  atlassian.Secret
	token atlassian.Token
	app   atlassian.App
	old   atlassian.Secret
	done  int
}

// calls is how many calls a refresh of psoxy takes.
const calls = 7

// run makes the next n calls.
func (p *stockPsoxy) run(n int) {
	for range n {
		if p.done >= calls || !p.call() {
			p.done = calls
			return
		}
		p.done++
	}
}

func (p *stockPsoxy) call() bool {
	ctx := context.Background()
	write := func(name, value string) bool {
		_, err := p.mem.Store.Write(ctx, name, atlassian.NewSecret(value), store.Encrypted)
		return err == nil
	}
	switch p.done {
	case 0:
		p.lock = atlassian.NewSecret("locked_" + strconv.FormatInt(p.clock.Now().UnixMilli(), 10))
		_, err := p.mem.Store.Create(ctx, namesA.Lock, p.lock, store.Plain)
		return err == nil
	case 1:
		return p.get(namesA.Lock) == p.lock.Reveal()
	case 2:
		p.app = atlassian.App{ClientID: p.get(namesA.ClientID), ClientSecret: atlassian.NewSecret(p.get(namesA.ClientSecret))}
		p.old = atlassian.NewSecret(p.get(namesA.RefreshToken))
		return !p.old.IsZero()
	case 3:
		var err error
		p.token, err = p.api.Refresh(ctx, p.app, p.old)
		return err == nil
	case 4:
		expires := p.clock.Now().Add(p.token.ExpiresIn).UnixMilli()
		return write(namesA.AccessToken, fmt.Sprintf(`{"token":%q,"expirationDate":%d}`, p.token.Access.Reveal(), expires))
	case 5:
		return write(namesA.RefreshToken, p.token.Refresh.Reveal())
	}
	return p.mem.Store.Delete(ctx, namesA.Lock) == nil
}

// TestStockPsoxyBesideACompletion: psoxy begins to refresh at any step of a
// completion. At any of its calls it dies, or goes on while the completion waits.
// The consent succeeds nevertheless, and its family stays in use.
func TestStockPsoxyBesideACompletion(t *testing.T) {
	for _, dies := range []bool{true, false} {
		for so := 1; so <= calls; so++ {
			name := fmt.Sprintf("%d calls, then it goes on", so)
			if dies {
				name = fmt.Sprintf("dies after %d calls", so)
			}
			t.Run(name, func(t *testing.T) {
				total := besidePsoxy(t, -1, so, dies)
				require.Greater(t, total, 12)
				for at := range total {
					besidePsoxy(t, at, so, dies)
				}
			})
		}
	}
}

func besidePsoxy(t *testing.T, at, so int, dies bool) int {
	w := newWorld(t)
	w.config.Connections[0].Policy.AccessFormat = psoxy.JSON
	w.restart()
	w.consented(connA)
	w.clock.Advance(52 * time.Minute) // psoxy refreshes in the last ten minutes
	begun := w.begin(connA, func(r *consent.BeginRequest) { r.RedirectURI = plainURI })
	request := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)}
	s := w.stepped("first")
	p := &stockPsoxy{world: w}
	begins := false
	s.before = func(n int) error {
		if n == at {
			begins = true
			p.run(so)
		}
		return nil
	}
	s.sleep = func(d time.Duration) {
		w.clock.Advance(d)
		if begins && !dies {
			p.run(calls)
		}
	}
	before := w.clock.Now()
	done, err := w.attempt(request)
	name := fmt.Sprintf("psoxy begins at step %d (%s)", at, s.ops[max(0, min(at, len(s.ops)-1))])
	require.NoError(t, err, name)
	require.LessOrEqual(t, w.clock.Now().Sub(before), 25*time.Second, "%s: a code must not grow old", name)
	if begins && !dies {
		p.run(calls)
	}
	total := len(s.ops)
	newest := w.em.Families()[1].ID
	for range 15 {
		w.clock.Advance(5 * time.Minute)
		w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log)
		info, _ := w.em.Lookup(atlassian.NewSecret(w.get(namesA.RefreshToken)))
		require.Equal(t, newest, info.FamilyID, name)
		w.requireLive(name)
	}
	again, err := w.complete(request)
	require.NoError(t, err, name)
	require.Equal(t, done.AuthorizedAt, again.AuthorizedAt, name)
	require.Equal(t, w.fix.Site.CloudID, again.CloudID, name)
	require.Zero(t, len(w.get(namesA.Lock)), name)
	return total
}
