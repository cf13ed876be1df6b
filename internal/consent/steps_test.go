package consent_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// trouble is what happens at one step of a completion.
type trouble struct {
	name string
	// after: it happens after the call took effect.
	after bool
	do    func(tick func()) error
}

var troubles = []trouble{
	{"killed before", false, func(func()) error { panic(crash{}) }},
	{"killed after", true, func(func()) error { panic(crash{}) }},
	{"fails", false, func(func()) error { return errLost }},
	{"answer lost", true, func(func()) error { return errLost }},
	{"a tick in between", false, func(tick func()) error { tick(); return nil }},
}

// setting is what was there before the completion.
type setting struct {
	name    string
	prepare func(w *world)
}

var settings = []setting{
	{"first consent", func(*world) {}},
	{"renewal", func(w *world) {
		w.consented(connA)
		w.clock.Advance(36 * time.Minute)
	}},
	{"tokens filled in by hand, no tick yet", func(w *world) {
		tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{ClientID: w.fix.App.ClientID})
		require.NoError(w.t, err)
		w.put(namesA.RefreshToken, tokens.Refresh.Reveal())
		w.put(namesA.AccessToken, tokens.Access.Reveal())
	}},
}

// TestEveryStepOfACompletion: at each call of a completion one thing happens. Then
// ticks run, and the same request is repeated. The token in use is alive all the
// time. The request ends with the result of the consent, and the record says all
// that is known. It is refused only if the code was used and its tokens reached
// nobody. Then a new consent succeeds.
func TestEveryStepOfACompletion(t *testing.T) {
	for _, before := range settings {
		for _, what := range troubles {
			t.Run(before.name+"/"+what.name, func(t *testing.T) {
				total := everyStep(t, before, trouble{}, -1)
				require.Greater(t, total, 12, "of a completion's steps")
				for at := range total {
					everyStep(t, before, what, at)
				}
			})
		}
	}
}

// everyStep makes one step fail, and returns the number of steps.
func everyStep(t *testing.T, before setting, what trouble, at int) int {
	w := newWorld(t)
	before.prepare(w)
	begun := w.begin(connA, func(r *consent.BeginRequest) { r.RedirectURI = plainURI })
	request := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)}
	clean := len(w.em.Families())
	s := w.stepped("first")
	refresher := w.refresher()
	tick := func() {
		refresher.Tick(context.Background(), w.config.Connections[0], w.config.Log)
		w.requireAlive(what.name)
	}
	happens := func(n int) error {
		if n != at {
			return nil
		}
		s.before, s.after = nil, nil
		return what.do(tick)
	}
	if what.after {
		s.after = happens
	} else {
		s.before = happens
	}
	done, err := w.attempt(request)
	name := fmt.Sprintf("step %d (%s): %v", at, s.ops[max(0, min(at, len(s.ops)-1))], err)
	steps := s.ops
	wasted := wasted(steps, at, what)
	for i := 0; err != nil && i < 3; i++ {
		w.requireAlive(name)
		w.stepped(fmt.Sprint("process ", i))
		w.clock.Advance(3 * time.Minute)
		tick()
		done, err = w.attempt(request)
	}
	if wasted {
		require.Error(t, err, name)
		require.Contains(t, []consent.ErrorType{consent.ConsentExpired, consent.CodeRefused}, err.(*consent.Error).Type, "%s: %v", name, err)
		request = consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA, func(r *consent.BeginRequest) { r.RedirectURI = plainURI }).AuthorizeURL)}
		done, err = w.complete(request)
		clean = len(w.em.Families()) - 1
	}
	require.NoError(t, err, name)
	w.requireRecord(done, name)
	require.Len(t, w.em.Families(), clean+1, name)
	for range 15 {
		w.clock.Advance(5 * time.Minute)
		tick()
	}
	w.requireRecord(done, name)
	w.requireLive(name)
	again, err := w.complete(request)
	require.NoError(t, err, name)
	require.Equal(t, done.AuthorizedAt, again.AuthorizedAt, name)
	require.Equal(t, done.Scopes, again.Scopes, name)
	return len(steps)
}

// wasted reports whether the code was used and its tokens were lost: the consent
// was claimed, and the process died before the tokens reached CONSENT_TOKENS.
func wasted(ops []string, at int, what trouble) bool {
	claimed, exchanged, aside := slices.Index(ops, "delete CONSENT_STATE"), slices.Index(ops, "exchange"), slices.Index(ops, "write CONSENT_TOKENS")
	switch what.name {
	case "killed before":
		return claimed >= 0 && claimed < at && (aside < 0 || at <= aside)
	case "killed after":
		return claimed >= 0 && claimed <= at && (aside < 0 || at < aside)
	case "answer lost":
		return at == exchanged
	}
	return false
}

// requireAlive checks that the refresh token in use, if there is one, works.
func (w *world) requireAlive(msg string) {
	w.t.Helper()
	if w.get(namesA.RefreshToken) != "" {
		w.requireLive(msg)
	}
}

// requireLive checks that the refresh token in the store works.
func (w *world) requireLive(msg string) {
	w.t.Helper()
	info, known := w.em.Lookup(atlassian.NewSecret(w.get(namesA.RefreshToken)))
	require.True(w.t, known, msg)
	require.Equal(w.t, atlassiantest.StatusLive, info.Status, msg)
}

// requireRecord checks that the newest family is in use, and that its record says
// what is known of it.
func (w *world) requireRecord(done consent.Completed, msg string) {
	w.t.Helper()
	fams := w.em.Families()
	newest := fams[len(fams)-1]
	age := done.AuthorizedAt.Sub(newest.Born) // of the code when it was exchanged
	require.True(w.t, age >= 0 && age < consent.StateLifetime, "%s: %s", msg, age)
	require.Equal(w.t, w.fix.Site.CloudID, done.CloudID, msg)
	require.ElementsMatch(w.t, atlassiantest.ConnectorScopes(), done.Scopes, msg)
	w.restart()
	status, err := w.service.Status(context.Background(), consent.StatusRequest{Connection: connA})
	require.NoError(w.t, err, msg)
	require.Equal(w.t, done.AuthorizedAt, status.Connections[0].AuthorizedAt, msg)
	require.Equal(w.t, plainURI, status.Connections[0].RedirectURI, msg)
	require.Nil(w.t, status.Connections[0].Waiting, msg)

	out := w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log)
	require.Equal(w.t, keeper.Idle, out.Action, "%s: %s", msg, out.Reason)
	r, err := family.ParseRecord(w.get(namesA.Family), connA)
	require.NoError(w.t, err, msg)
	require.Equal(w.t, family.FromConsent, r.AuthorizedAtSource, msg)
	require.Equal(w.t, family.FingerprintOf(atlassian.NewSecret(w.fix.Account.ID)), r.Account, msg)
	require.Equal(w.t, w.fix.Site.URL, r.SiteURL, msg)
	require.False(w.t, r.Past.Has(r.Refresh), msg)
	info, _ := w.em.Lookup(atlassian.NewSecret(w.get(namesA.RefreshToken)))
	require.Equal(w.t, newest.ID, info.FamilyID, msg)
	for _, gone := range []string{namesA.ConsentState, namesA.ConsentTokens, namesA.Lock} {
		require.Zero(w.t, len(w.get(gone)), "%s: %s", msg, gone)
	}
}
