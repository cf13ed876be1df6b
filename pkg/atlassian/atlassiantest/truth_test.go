package atlassiantest_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestRealisticTokens(t *testing.T) {
	w := newWorld(t, atlassiantest.Config{})
	code := w.code(t)
	require.InDelta(t, 858, code.Len(), 10)
	tokens, err := w.e.Exchange(w.exchange(code))
	require.NoError(t, err)
	require.InDelta(t, 1900, tokens.Access.Len(), 50)
	require.InDelta(t, 1500, tokens.Refresh.Len(), 50)

	var claims jwt.MapClaims
	_, _, err = jwt.NewParser().ParseUnverified(tokens.Refresh.Reveal(), &claims)
	require.NoError(t, err)
	require.Equal(t, w.fix.App.ClientID, claims["aud"])
	require.EqualValues(t, start.Unix(), claims["iat"])
	require.EqualValues(t, start.Add(90*day).Unix(), claims["exp"])
	chain := claims["https://id.atlassian.com/refresh_chain_id"]
	require.NotEmpty(t, chain)

	next := w.refresh(t, tokens)
	_, _, err = jwt.NewParser().ParseUnverified(next.Access.Reveal(), &claims)
	require.NoError(t, err)
	require.Equal(t, chain, claims["https://id.atlassian.com/refresh_chain_id"])
	require.EqualValues(t, start.Add(time.Hour).Unix(), claims["exp"])

	// With a padding of 3 KB and of 7 KB, tokens are longer than 4 KB and 8 KB.
	for padding, size := range map[int]int{3 << 10: 4 << 10, 7 << 10: 8 << 10} {
		require.NoError(t, w.e.ChangePolicy(func(p *atlassiantest.Policy) { p.TokenPadding = padding }))
		next = w.refresh(t, next)
		require.Greater(t, next.Access.Len(), size)
		require.Greater(t, next.Refresh.Len(), size)
	}
}

// tokenForms are the three forms of token that an emulator can issue.
var tokenForms = map[string]atlassiantest.Config{
	"realistic": {}, "cheap": {CheapTokens: true}, "cheap with claims": {CheapTokens: true, CheapClaims: true},
}

// With CheapClaims, tokens have the claims that a client may look at.
func TestCheapClaims(t *testing.T) {
	w := newWorld(t, atlassiantest.Config{CheapTokens: true, CheapClaims: true})
	first := w.authorize(t)
	w.clock.Advance(time.Hour)
	next := w.refresh(t, first)
	before, ok := atlassian.Claims(first.Refresh)
	require.True(t, ok)
	after, ok := atlassian.Claims(next.Refresh)
	require.True(t, ok)
	require.NotEmpty(t, before.RefreshChainID)
	require.Equal(t, before.RefreshChainID, after.RefreshChainID)
	require.Equal(t, w.clock.Now(), after.IssuedAt)
	require.Equal(t, time.Hour, after.IssuedAt.Sub(before.IssuedAt))
	other, _ := atlassian.Claims(w.authorize(t).Refresh)
	require.NotEqual(t, before.RefreshChainID, other.RefreshChainID)
}

// A text that is not this emulator's token is refused without harm. A text that
// does not look like a token is refused as malformed.
func TestForeignAndEditedTokens(t *testing.T) {
	for name, c := range tokenForms {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c)
			tokens := w.authorize(t)
			text := tokens.Refresh.Reveal()
			for _, malformed := range []string{"x", "", "fill me", " " + text, text + "\n", "a.b", "a..b", ".a.b", "a.b.", "a.b.c.d"} {
				_, err := w.e.Refresh(w.request(atlassiantest.Tokens{Refresh: atlassian.NewSecret(malformed)}))
				requireRefusal(t, err, 400, "invalid_request", "Invalid refresh_token")
			}
			c.Seed = 7
			other := newWorld(t, c).authorize(t)
			last := "A"
			if strings.HasSuffix(text, "A") {
				last = "Q"
			}
			for _, unknown := range []string{
				"a.b.c", text + "A", text[:len(text)-8], text[:len(text)-1] + last,
				tokens.Access.Reveal(), other.Refresh.Reveal(),
			} {
				w.refused(t, atlassiantest.Tokens{Refresh: atlassian.NewSecret(unknown)})
			}
			for _, not := range []string{"x", "a.b.c", other.Access.Reveal(), text + "A"} {
				_, known := w.e.Lookup(atlassian.NewSecret(not))
				require.False(t, known)
				_, err := w.e.ValidateAccess(atlassian.NewSecret(not))
				requireRefusal(t, err, 401, "", "Unauthorized")
			}
			_, err := w.e.ValidateAccess(tokens.Refresh)
			requireRefusal(t, err, 401, "", "Unauthorized")
			w.refresh(t, tokens)
		})
	}
}

// A token whose record was dropped is still checked. An edited token or an access
// token must not be taken for a refresh token spent long ago, which would kill the family.
func TestForgottenTokensAreStillChecked(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	second := w.refresh(t, first)
	w.clock.Advance(reuse)
	third := w.refresh(t, second)
	w.refused(t, atlassiantest.Tokens{Refresh: first.Access})
	text := first.Refresh.Reveal()
	id := strings.IndexByte(text, '.') + 1
	for i := id; i < len(text); i++ {
		// The last character of a part has unused bits.
		if text[i] == '.' || i+1 == len(text) {
			continue
		}
		other := byte('A')
		if text[i] == other {
			other = 'B'
		}
		edited := text[:i] + string(other) + text[i+1:]
		w.refused(t, atlassiantest.Tokens{Refresh: atlassian.NewSecret(edited)})
	}
	w.requireAlive(t, first)
	w.refresh(t, third)
	w.refused(t, first)
	require.Equal(t, atlassiantest.CauseReplayedAfterReuseInterval, w.death(t, first).Cause)
}

func TestSameSeedSameHistory(t *testing.T) {
	a, b := cheapWorld(t, nil), cheapWorld(t, nil)
	require.Equal(t, a.fix, b.fix)
	require.Equal(t, a.refresh(t, a.authorize(t)), b.refresh(t, b.authorize(t)))
	c := newWorld(t, atlassiantest.Config{CheapTokens: true, Seed: 1})
	require.NotEqual(t, a.fix.App.ClientID, c.fix.App.ClientID)
}

func TestResetForgetsEverything(t *testing.T) {
	w := cheapWorld(t, nil)
	tokens := w.authorize(t)
	w.e.Reset()
	require.Empty(t, w.e.Families())
	require.Empty(t, w.e.Events())
	_, known := w.e.Lookup(tokens.Refresh)
	require.False(t, known)
	var err error
	w.fix, err = w.e.AddFixture()
	require.NoError(t, err)
	w.authorize(t)
	w.refused(t, tokens)
}

func TestTruthOfARotation(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	second := w.refresh(t, first)
	live := w.e.LiveTokens()
	var lines []string
	for _, info := range live {
		lines = append(lines, fmt.Sprintf("%s %d %s", info.Kind, info.Generation, info.Status))
	}
	require.Equal(t, []string{"refresh 0 reusable", "access 0 reusable", "refresh 1 live", "access 1 live"}, lines)
	require.Equal(t, second.Refresh, live[2].Token)
	require.Len(t, live[2].Fingerprint(), 12)

	// Nothing that is printed or encoded shows a token.
	text, err := json.Marshal(live)
	require.NoError(t, err)
	for _, shown := range []string{string(text), fmt.Sprintf("%+v %#v", live, second)} {
		require.NotContains(t, shown, second.Refresh.Reveal())
		require.NotContains(t, shown, second.Access.Reveal())
	}
	_, found := w.e.Family("none")
	require.False(t, found)
}

func TestEventsAreBounded(t *testing.T) {
	for limit, kept := range map[int]int{3: 3, -1: 0, 0: 7} {
		t.Run(fmt.Sprintf("limit %d", limit), func(t *testing.T) {
			w := newWorld(t, atlassiantest.Config{CheapTokens: true, EventLog: limit})
			current := w.authorize(t)
			for range 6 {
				current = w.refresh(t, current)
			}
			events := w.e.Events()
			require.Len(t, events, kept)
			require.EqualValues(t, 7, w.e.EventCount())
			if kept > 0 {
				require.Equal(t, atlassiantest.Event{
					Time: start, GrantType: "refresh_token", Presenter: "test", FamilyID: current.FamilyID,
					Generation: 5, Committed: true, Outcome: atlassiantest.OutcomeRotated,
				}, events[kept-1])
			}
		})
	}
}

// A simulation's memory does not grow with its rotations.
func TestMemoryIsBounded(t *testing.T) {
	w := cheapWorld(t, func(p *atlassiantest.Policy) { p.AbsoluteLifetime = 0 })
	current := w.authorize(t)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	run := func(rotations int) {
		for range rotations {
			w.clock.Advance(5 * time.Minute)
			current = w.refresh(t, current)
		}
	}
	run(5000)
	before := heap()
	run(100_000)
	require.Less(t, heap(), before+1<<20)
	runtime.KeepAlive(w)
}

// Many clients present one token at once. It is spent for the first time once, and
// every client gets an answer that the rules allow.
func TestConcurrentRefreshes(t *testing.T) {
	w := cheapWorld(t, nil)
	first := w.authorize(t)
	var group sync.WaitGroup
	answers := make(chan atlassiantest.Tokens, 64)
	for range cap(answers) {
		group.Go(func() {
			got, err := w.e.Refresh(w.request(first))
			if err == nil {
				answers <- got
			}
			w.e.LiveTokens()
			w.e.Families()
			_, _ = w.e.ValidateAccess(first.Access)
			w.clock.Advance(time.Nanosecond)
		})
	}
	group.Wait()
	close(answers)
	seen := map[string]bool{}
	for got := range answers {
		seen[got.Refresh.Reveal()] = true
	}
	require.Len(t, seen, cap(answers), "all distinct, none refused")
	rotated := 0
	for _, ev := range w.e.Events() {
		if ev.Outcome == atlassiantest.OutcomeRotated {
			rotated++
		}
	}
	require.Equal(t, 1, rotated)
	w.requireAlive(t, first)
}
