package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// unsaved is a tick that cannot save what it receives, since the ledger takes no
// write. It returns the keeper that holds the pair; another process ticks from then on.
func (w *world) unsaved() (holder *keeper.Keeper) {
	w.t.Helper()
	w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault} })
	w.want(keeper.Failed)
	w.after, w.unwritable = nil, nil
	holder = w.keeper
	w.restart()
	return holder
}

// A process holds a pair that it cannot save, while others look and take over. The
// first spend keeps its time, and no token is presented after its leeway.
func TestAHeldPairIsSavedAgainWhileAnotherLooks(t *testing.T) {
	for _, siblingsDie := range []bool{false, true} {
		t.Run(fmt.Sprintf("siblings die: %v", siblingsDie), func(t *testing.T) {
			w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
			w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault} })
			w.want(keeper.Failed)
			w.after = nil
			first := w.ledger().Intent.First
			other := w.other("another")
			for range 2 {
				w.clock.Advance(90 * time.Second)
				w.want(keeper.Failed)
				require.Equal(t, first, w.ledger().Intent.First)
			}
			w.clock.Advance(first.Add(10 * time.Minute).Sub(w.clock.Now()))
			w.unwritable = nil
			require.Equal(t, keeper.InDoubt, w.tickOf(other).Action, "its owner may save it yet")
			w.ticks(1)
			w.tickOf(other)
			w.ticks(12, keeper.Idle, keeper.Rotated)
			w.requireKept()
		})
	}
}

// What another process received by presenting the same token later comes first
// where ours may have been revoked by that.
func TestAHeldPairThatAnotherPresentedSince(t *testing.T) {
	for name, other := range map[string]func(*world){
		"the other saves its own":    func(*world) {},
		"the other dies":             func(w *world) { w.after = crashing("post") },
		"the other's answer is lost": func(w *world) { w.inject(atlassiantest.After, 502, 3) },
	} {
		for _, siblingsDie := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, siblings die: %v", name, siblingsDie), func(t *testing.T) {
				w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
				holder := w.unsaved()
				w.clock.Advance(2 * time.Minute)
				other(w)
				w.tick()
				w.after = nil
				w.clock.Advance(2*time.Minute + time.Second)
				w.keeper = holder
				w.tick()
				w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Contended)
				w.requireKept()
			})
		}
	}
}

// The save is still being tried while another process presents the token: the tick that received the pair
// finds, when the ledger takes writes again, that another has presented the token.
func TestAPairIsStillBeingSavedWhileAnotherPresentsTheToken(t *testing.T) {
	for _, siblingsDie := range []bool{false, true} {
		t.Run(fmt.Sprintf("siblings die: %v", siblingsDie), func(t *testing.T) {
			w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
			w.limit = 10 * time.Minute
			begun := w.clock.Now()
			others := false
			w.before = func(_ int, op string) error {
				switch late := w.clock.Now().Sub(begun) > family.Lease; {
				case others, w.spends() == 0, op != "write TOKEN_LEDGER" && op != "write REFRESH_TOKEN":
					return nil
				case !late:
					return errFault
				}
				others = true
				holder := w.keeper
				w.restart()
				w.before, w.after = nil, crashing("post")
				w.tick() // the other's answer is lost
				w.after, w.keeper = nil, holder
				return nil
			}
			w.tick()
			require.True(t, others)
			require.Nil(t, w.em.Families()[0].Death)
			w.clock.Advance(2 * time.Minute)
			w.tick()
			w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Replayed)
			w.requireKept()
		})
	}
}

// A tick takes the lock of another over, and then finds its intent: the lock stays,
// or psoxy would present the token beside that.
func TestALockThatWasTakenOverStays(t *testing.T) {
	w := shared(t)
	w.clock.Advance(40 * time.Minute)
	w.put(names.Lock, "locked_1 process-0/1")
	w.before = atFirst("delete "+short(names.Lock), func() {
		w.restart()
		w.after = crashing("post")
		_, alive := w.tick()
		require.False(t, alive)
		w.after = nil
	})
	w.want(keeper.Contended)
	require.NotZero(t, w.get(names.Lock).Version)
	w.before = nil
	w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Replayed)
	w.requireSharedAndKept()
}

// A store that failed for longer than any leeway works again. One process still holds the
// successor, and another is about to probe the token that yielded it: that waits a moment.
func TestALateProbeYields(t *testing.T) {
	w := due(t)
	holder := w.unsaved()
	w.clock.Advance(25 * time.Minute)
	w.after = atFirst("write TOKEN_LEDGER", func() { require.Equal(t, keeper.Rotated, w.tickOf(holder).Action) })
	w.want(keeper.Idle)
	require.Equal(t, 1, w.spends())
	w.requireKept()
	t.Run("nobody holds it: the token is probed all the same", func(t *testing.T) {
		w := due(t)
		w.before = crashing("post")
		w.tick()
		w.before = nil
		w.clock.Advance(25 * time.Minute)
		begun := w.clock.Now()
		w.want(keeper.Replayed)
		require.GreaterOrEqual(t, w.clock.Now().Sub(begun), 30*time.Second)
		w.requireKept()
	})
}

// Inside the leeway another process presents the token again, and that brings nothing. The one
// that holds the successor is waited for all the same.
func TestAReplayThatBroughtNothingEndsNoWait(t *testing.T) {
	for name, fail := range map[string]func(*world){
		"it reached nobody":          func(w *world) { w.client.AuthURL = "http://127.0.0.1:1" },
		"it was refused by mistake":  func(w *world) { w.answer(403, "unauthorized_client", 3) },
		"its rate was limited first": func(w *world) { w.answer(429, "rate_limited", 3) },
	} {
		t.Run(name, func(t *testing.T) {
			w := due(t)
			holder, url := w.unsaved(), w.client.AuthURL
			first, owner := w.ledger().Intent.First, w.ledger().Intent.Owner
			w.clock.Advance(4 * time.Minute)
			fail(w)
			w.want(keeper.InDoubt)
			in := w.ledger().Intent
			require.Equal(t, []any{first, owner}, []any{in.First, in.Owner})
			w.client.AuthURL, w.client.HTTPClient = url, nil
			w.clock.Advance(first.Add(11 * time.Minute).Sub(w.clock.Now()))
			w.want(keeper.InDoubt)
			require.Equal(t, keeper.Rotated, w.tickOf(holder).Action)
			w.requireKept()
		})
	}
	t.Run("but only once where it never comes", func(t *testing.T) {
		w := due(t)
		w.unsaved()
		w.clock.Advance(25 * time.Minute)
		w.client.AuthURL = "http://127.0.0.1:1"
		w.want(keeper.InDoubt)
		require.Empty(t, w.ledger().Intent.Owner)
	})
}

// A connection leaves the list for a moment. The pair that could not be saved is not forgotten.
func TestAHeldPairOfAConnectionThatIsNotServed(t *testing.T) {
	w := due(t)
	holder := w.unsaved()
	holder.Introduce(nil)
	w.clock.Advance(2 * time.Minute)
	require.Equal(t, keeper.Rotated, w.tickOf(holder).Action)
	require.Equal(t, 1, w.spends())
	w.requireKept()
}
