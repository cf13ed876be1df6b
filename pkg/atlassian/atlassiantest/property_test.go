package atlassiantest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// naive is a second, slow implementation of the rules. It keeps every token that
// was issued, and answers every question by a walk over all of them.
type naive struct {
	policy   atlassiantest.Policy
	families map[string]*naiveFamily
	tokens   []*naiveToken
}

type naiveFamily struct {
	id           string
	person       int
	born, active time.Time
	dead         bool
}

type naiveToken struct {
	answer  atlassiantest.Tokens
	family  *naiveFamily
	parent  *naiveToken
	issued  time.Time
	spent   time.Time
	revoked time.Time
}

func (n *naive) expire(now time.Time) {
	for _, f := range n.families {
		if now.Sub(f.born) >= n.policy.AbsoluteLifetime || now.Sub(f.active) >= n.policy.InactivityLimit {
			f.dead = true
		}
	}
}

func (n *naive) kill(which func(*naiveFamily) bool) {
	for _, f := range n.families {
		if which(f) {
			f.dead = true
		}
	}
}

// hasSpentSuccessor walks all tokens for a successor of t that was spent.
func (n *naive) hasSpentSuccessor(t *naiveToken) bool {
	for _, s := range n.tokens {
		if s.parent == t && !s.spent.IsZero() {
			return true
		}
	}
	return false
}

// accepts reports whether t must be accepted at now.
func (n *naive) accepts(t *naiveToken, now time.Time) bool {
	switch {
	case t.family.dead, !t.revoked.IsZero():
		return false
	case t.spent.IsZero():
		return true
	case now.Sub(t.spent) >= n.policy.ReuseInterval:
		return false
	}
	return !n.policy.OlderReplayKills || !n.hasSpentSuccessor(t)
}

func (n *naive) revokeBelow(t *naiveToken, now time.Time) {
	for _, s := range n.tokens {
		if s.parent == t && s.revoked.IsZero() {
			s.revoked = now
			n.revokeBelow(s, now)
		}
	}
}

// accessLives reports whether t's access token must be accepted at now.
func (n *naive) accessLives(t *naiveToken, now time.Time) bool {
	if t.family.dead || !t.revoked.IsZero() || now.Sub(t.issued) >= n.policy.AccessTokenLifetime {
		return false
	}
	return t.spent.IsZero() || now.Sub(t.spent) < n.policy.ReuseInterval
}

// TestRandomHistories runs random operations against the emulator and against
// naive, and compares every answer.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		policy := atlassiantest.DefaultPolicy()
		policy.OlderReplayKills = rapid.Bool().Draw(rt, "older replay kills")
		policy.SiblingsDie = rapid.Bool().Draw(rt, "siblings die")
		policy.ReconsentKillsOld = rapid.Bool().Draw(rt, "reconsent kills")
		w := newWorld(t, atlassiantest.Config{CheapTokens: true, Policy: &policy, EventLog: 16})
		app, err := w.e.AddApp(atlassiantest.App{RedirectURIs: []string{"http://localhost"}, Distributed: true})
		require.NoError(rt, err)
		w.fix.App = app
		people := []string{w.fix.Account.ID}
		second, err := w.e.AddAccount(atlassiantest.Account{})
		require.NoError(rt, err)
		people = append(people, second.ID)
		n := &naive{policy: policy, families: map[string]*naiveFamily{}}

		draw := func(rt *rapid.T) *naiveToken {
			if len(n.tokens) == 0 {
				rt.Skip("nothing was issued yet")
			}
			// Only recent tokens can still be accepted.
			back := rapid.IntRange(0, min(len(n.tokens)-1, 8)).Draw(rt, "how far back")
			return n.tokens[len(n.tokens)-1-back]
		}
		person := rapid.IntRange(0, len(people)-1)

		rt.Repeat(map[string]func(*rapid.T){
			"advance": func(rt *rapid.T) {
				w.clock.Advance(rapid.SampledFrom([]time.Duration{
					1, time.Minute, 5 * time.Minute, reuse - 1, reuse, time.Hour, 30 * day, 90*day - 1, 90 * day,
				}).Draw(rt, "by"))
			},
			"consent": func(rt *rapid.T) {
				who := person.Draw(rt, "who")
				n.expire(w.clock.Now())
				got, err := w.e.Authorize(atlassiantest.ConsentRequest{ClientID: app.ClientID, AccountID: people[who]})
				require.NoError(rt, err)
				if policy.ReconsentKillsOld {
					n.kill(func(f *naiveFamily) bool { return f.person == who })
				}
				now := w.clock.Now()
				f := &naiveFamily{id: got.FamilyID, person: who, born: now, active: now}
				n.families[f.id] = f
				n.tokens = append(n.tokens, &naiveToken{answer: got, family: f, issued: now})
			},
			"refresh": func(rt *rapid.T) {
				old, now := draw(rt), w.clock.Now()
				n.expire(now)
				expected := n.accepts(old, now)
				fault := rapid.SampledFrom([]*atlassiantest.Fault{
					nil, nil, nil,
					{Kind: atlassiantest.KindDrop, When: atlassiantest.Before},
					{Kind: atlassiantest.KindOmitRefresh, When: atlassiantest.After},
				}).Draw(rt, "fault")
				got, err := w.e.RefreshWith(w.request(old.answer), fault)
				var injected *atlassiantest.InjectedError
				if errors.As(err, &injected) {
					return
				}
				require.Equal(rt, expected, err == nil, "answer: %v", err)
				if err != nil {
					old.family.dead = true // it was, or it is now
					return
				}
				if old.spent.IsZero() {
					old.spent = now
				} else if policy.SiblingsDie {
					n.revokeBelow(old, now)
				}
				old.family.active = now
				if fault == nil {
					n.tokens = append(n.tokens, &naiveToken{answer: got, family: old.family, parent: old, issued: now})
				}
			},
			"wrong secret": func(rt *rapid.T) {
				r := w.request(draw(rt).answer)
				r.ClientSecret = r.RefreshToken
				_, err := w.e.Refresh(r)
				requireRefusal(rt, err, 401, "access_denied", "Unauthorized")
			},
			"password": func(rt *rapid.T) {
				who := person.Draw(rt, "who")
				require.NoError(rt, w.e.ChangePassword(people[who]))
				n.kill(func(f *naiveFamily) bool { return f.person == who })
			},
			"": func(rt *rapid.T) { compare(rt, w, n) },
		})
	})
}

// compare checks, after every step, that the emulator and naive agree.
func compare(rt *rapid.T, w *world, n *naive) {
	now := w.clock.Now()
	n.expire(now)
	live := map[string]int{}
	for _, f := range w.e.Families() {
		require.Equal(rt, n.families[f.ID].dead, !f.Alive(), "family %s", f.ID)
		if f.Alive() {
			live[f.ClientID+" "+f.AccountID]++
		} else {
			require.False(rt, f.Death.At.After(now))
		}
	}
	for key, count := range live {
		if n.policy.ReconsentKillsOld {
			require.Equal(rt, 1, count, key)
		}
	}
	for _, t := range n.tokens {
		_, err := w.e.ValidateAccess(t.answer.Access)
		require.Equal(rt, n.accessLives(t, now), err == nil)
		info, known := w.e.Lookup(t.answer.Refresh)
		require.True(rt, known)
		accepted := info.Status == atlassiantest.StatusLive || info.Status == atlassiantest.StatusReusable
		require.Equal(rt, n.accepts(t, now), accepted, "status %s", info.Status)
	}
	for _, info := range w.e.LiveTokens() {
		require.False(rt, n.families[info.FamilyID].dead)
	}
}
