package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// newTwins is a world in which two connections are about to begin with one token.
func newTwins(t *testing.T) (w *world, s *watched, both []family.Connection) {
	w = newWorld(t, func(p *atlassiantest.Policy) { p.SiblingsDie = true })
	tokens := w.consent()
	other := family.Connection{Name: neighbour, Policy: w.policy}
	w.put(other.Names().ClientID, w.fix.App.ClientID)
	w.put(other.Names().ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.put(other.Names().RefreshToken, tokens.Refresh.Reveal())
	s = &watched{Store: w.mem}
	w.restartWith(s)
	both = []family.Connection{{Name: conn, Policy: w.policy}, other}
	w.keeper.Introduce(both)
	return w, s, both
}

// atIntent does something once the first connection has written its intent: its ledger's second
// entry.
func atIntent(s *watched, do func()) {
	writes := 0
	s.wrote = func(name string) {
		if name != names.Ledger {
			return
		}
		if writes++; writes == 2 {
			do()
		}
	}
}

// Two connections begin with one token, and both have begun when they are served side by side.
// The token is presented once.
func TestOneTokenSideBySide(t *testing.T) {
	w, s, both := newTwins(t)
	var out keeper.Outcome
	atIntent(s, func() {
		w.ops = nil
		out = tickAt(w, both[1])
		require.Zero(t, w.spends())
	})
	require.Equal(t, keeper.Rotated, tickAt(w, both[0]).Action)
	require.Equal(t, keeper.Contended, out.Action, out.Reason)
	require.Contains(t, out.Reason, conn)
	s.wrote = nil
	w.clock.Advance(2 * time.Minute)
	w.keeper.Introduce(both)
	out = tickAt(w, both[1])
	require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
	w.requireKept()
}

// The one that came first has no time to present the token. It does not keep the other from it.
func TestOneTokenThatIsNotPresented(t *testing.T) {
	w, _, both := newTwins(t)
	w.limit = 30 * time.Second
	require.Equal(t, keeper.Failed, tickAt(w, both[0]).Action)
	w.limit = 2 * time.Minute
	require.Equal(t, keeper.Rotated, tickAt(w, both[1]).Action)
}

// Both have begun with one token at the same moment, and a lock of the first edition tells both
// that it is in doubt. One presents it, inside the leeway.
func TestOneTokenInDoubtOfBoth(t *testing.T) {
	w, s, both := newTwins(t)
	fp := family.FingerprintOf(w.get(names.RefreshToken).Value)
	for _, c := range both {
		w.put(c.Names().Lock, fmt.Sprintf(`locked_%d {"spending":%q}`, w.clock.Now().UnixMilli(), fp))
	}
	w.clock.Advance(3 * time.Minute)
	s.wrote = func(name string) {
		if name == names.Ledger {
			s.wrote, w.limit = nil, 30*time.Second // which leaves no time to present it
			tickAt(w, both[1])
			w.limit = 2 * time.Minute
			w.keeper.Introduce(both)
		}
	}
	tickAt(w, both[0])
	for range 2 {
		w.keeper.Introduce(both)
		tickAt(w, both[1])
		tickAt(w, both[0])
		w.clock.Advance(2 * time.Minute)
	}
	w.requireKept()
	require.NotZero(t, w.spends())
}

// One of the two has presented the token, and its app is gone, so it never learns the answer. The
// other one waits until no leeway can be open any more, and goes on then.
func TestOneTokenThatItsNeighbourNeverSettles(t *testing.T) {
	w, s, both := newTwins(t)
	s.wrote = func(name string) {
		if name == names.Ledger {
			s.wrote, w.limit = nil, 30*time.Second // which leaves no time to present it
			tickAt(w, both[1])
			w.limit = 2 * time.Minute
			w.inject(atlassiantest.Before, 502, 3)
		}
	}
	require.Equal(t, keeper.InDoubt, tickAt(w, both[0]).Action)
	w.remove(names.ClientID)
	var last keeper.Outcome
	for range 10 {
		w.keeper.Introduce(both)
		tickAt(w, both[0])
		last = tickAt(w, both[1])
		require.Equal(t, keeper.Contended, last.Action, last.Reason)
		w.clock.Advance(2 * time.Minute)
	}
	w.keeper.Introduce(both)
	tickAt(w, both[0])
	last = tickAt(w, both[1])
	require.Equal(t, keeper.Rotated, last.Action, last.Reason)
}

// Who waits for the other one does not keep psoxy out meanwhile.
func TestOneTokenLeavesPsoxysLock(t *testing.T) {
	w, s, both := newTwins(t)
	for i, c := range both {
		both[i].Policy.AccessFormat = psoxy.AsStored
		w.put(c.Names().AccessToken, psoxy.JSON.EncodeAccessToken(atlassian.NewSecret("an-access-token-of-long-ago"), w.clock.Now()).Reveal())
	}
	w.keeper.Introduce(both)
	var out keeper.Outcome
	atIntent(s, func() { out = tickAt(w, both[1]) })
	require.Equal(t, keeper.Rotated, tickAt(w, both[0]).Action)
	require.Equal(t, keeper.Contended, out.Action, out.Reason)
	require.Zero(t, w.get(both[1].Names().Lock).Version)
}
