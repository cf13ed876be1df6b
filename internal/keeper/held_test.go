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

// unsaved is a tick that cannot save what it receives, since these names take no
// write. It returns the keeper that holds the pair; another process ticks from then on.
func (w *world) unsaved(unwritable ...string) (holder *keeper.Keeper) {
	w.t.Helper()
	w.after = atFirst("post", func() {
		w.unwritable = map[string]error{}
		for _, name := range unwritable {
			w.unwritable[name] = errFault
		}
	})
	w.want(keeper.Failed)
	w.after, w.unwritable = nil, nil
	holder = w.keeper
	w.restart()
	return holder
}

// rescuing lets the holder store the pair in REFRESH_TOKEN, while a tick of the
// world's keeper is about to write its intent.
func rescuing(w *world, holder *keeper.Keeper) {
	other, stored := w.keeper, w.get(names.RefreshToken).Version
	w.before = atFirst("write TOKEN_LEDGER", func() {
		w.keeper, w.limit, w.unwritable = holder, 30*time.Second, map[string]error{names.Ledger: errFault}
		w.want(keeper.Failed)
		w.keeper, w.limit, w.unwritable = other, 2*time.Minute, nil
		require.Equal(w.t, stored+1, w.get(names.RefreshToken).Version)
	})
}

// A process holds a pair that it cannot save, while others look and take over. The
// first spend keeps its time, and no token is presented after its leeway.
func TestAHeldPairIsSavedAgainWhileAnotherLooks(t *testing.T) {
	for _, siblingsDie := range []bool{false, true} {
		t.Run(fmt.Sprintf("siblings die: %v", siblingsDie), func(t *testing.T) {
			w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
			w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault, names.RefreshToken: errFault} })
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
	for _, lost := range []bool{false, true} {
		for _, siblingsDie := range []bool{false, true} {
			t.Run(fmt.Sprintf("the other's answer is lost: %v, siblings die: %v", lost, siblingsDie), func(t *testing.T) {
				w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
				holder := w.unsaved(names.Ledger, names.RefreshToken)
				w.clock.Advance(2 * time.Minute)
				if lost {
					w.after = crashing("post")
				}
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

// A pair that could not be saved was stored in REFRESH_TOKEN, and another process
// has presented it from there. When its holder saves it at last, it is in doubt.
func TestAHeldPairThatAnotherPresentedAsACandidate(t *testing.T) {
	for _, siblingsDie := range []bool{false, true} {
		for _, dies := range []bool{false, true} {
			t.Run(fmt.Sprintf("siblings die: %v, the other dies: %v", siblingsDie, dies), func(t *testing.T) {
				w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
				holder := w.unsaved(names.Ledger)
				w.clock.Advance(2 * time.Minute)
				if dies {
					w.after = crashing("post")
				} else {
					w.inject(atlassiantest.After, 502, 3)
				}
				w.tick()
				w.after = nil
				w.clock.Advance(2*time.Minute + time.Second)
				w.keeper = holder
				w.want(keeper.Replayed)
				w.requireKept()
				w.ticks(12, keeper.Idle, keeper.Rotated)
				w.requireKept()
			})
		}
	}
}

// A pair that could not be saved was stored in REFRESH_TOKEN, while another process
// was presenting the token it came from. It is a sibling, and stays unused.
func TestARescuedSibling(t *testing.T) {
	for _, siblingsDie := range []bool{false, true} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("siblings die: %v, TOKEN_FAMILY told of it before: %v", siblingsDie, known), func(t *testing.T) {
				w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
				denied := []string{names.Ledger, names.RefreshToken, names.Family}
				if known {
					denied = denied[:2]
				}
				holder := w.unsaved(denied...)
				w.clock.Advance(time.Minute)
				rescuing(w, holder)
				w.want(keeper.Replayed)
				w.before = nil
				posts := w.posts()
				w.ticks(2, keeper.Idle, keeper.Restored)
				w.keeper = holder
				w.ticks(2, keeper.Idle, keeper.Restored)
				require.Equal(t, posts, w.posts())
				w.requireKept()
				w.ticks(12, keeper.Idle, keeper.Rotated)
				w.requireKept()
			})
		}
	}
}

// The same where the other's answer is lost: the token is presented once more before
// the rescued one is, which that may have revoked.
func TestARescuedTokenAndALaterAttempt(t *testing.T) {
	for _, siblingsDie := range []bool{false, true} {
		t.Run(fmt.Sprintf("siblings die: %v", siblingsDie), func(t *testing.T) {
			w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
			holder := w.unsaved(names.Ledger, names.RefreshToken)
			w.clock.Advance(time.Minute)
			rescuing(w, holder)
			w.after = crashing("post")
			w.tick()
			w.before, w.after = nil, nil
			w.ticks(1, keeper.Replayed)
			w.requireKept()
			w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Restored)
			w.requireKept()
		})
	}
}

// The same while the save is still being tried: the tick that received the pair
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
	w.put(names.Lock, "locked_1 "+psoxy.ForTick+"process-0/1")
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

// TOKEN_FAMILY names a token that another process rescued and that is a sibling of the
// ledger's. It tells other processes so until the ledger does.
func TestARescuedSiblingStaysNamed(t *testing.T) {
	w := settledWorld(t)
	sibling := w.record()
	sibling.Refresh, sibling.RotatedAt = family.FingerprintOf(atlassian.NewSecret("a-rescued-sibling-of-the-newest")), sibling.RotatedAt.Add(-time.Second)
	w.put(names.Family, sibling.Encode().Reveal())
	w.ticks(2, keeper.Idle)
	require.Equal(t, sibling.Refresh, w.record().Refresh)
	w.rotations(1)
	require.True(t, w.ledger().Record.Past.Has(sibling.Refresh))
	require.Equal(t, w.ledger().Record.Refresh, w.record().Refresh)
}

// A rescued token that Atlassian refuses by mistake, or does not look at, is asked about
// again. TOKEN_FAMILY tells until then how old its family is, and the token that it came
// from is not presented before.
func TestARescuedTokenThatIsNotTaken(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		wait   int
	}{{403, "invalid_grant", 1}, {401, "invalid_client", 2}} {
		t.Run(c.code, func(t *testing.T) {
			w := due(t)
			born := w.record().AuthorizedAt
			w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: errFault} })
			w.want(keeper.Failed)
			w.after, w.unwritable = nil, nil
			rescued := w.record()
			require.Equal(t, family.FingerprintOf(w.get(names.RefreshToken).Value), rescued.Refresh)
			w.restart()
			w.clock.Advance(family.Leeway)
			w.answer(c.status, c.code, 1)
			spends := w.spends()
			for range c.wait {
				w.tick()
				require.Equal(t, rescued.Refresh, w.record().Refresh)
				require.Equal(t, spends+1, w.spends())
				w.clock.Advance(2 * time.Minute)
			}
			w.want(keeper.Rotated)
			w.requireKept()
			require.Equal(t, born, w.ledger().Record.AuthorizedAt)
			w.ticks(12, keeper.Idle, keeper.Rotated)
			require.Equal(t, born, w.record().AuthorizedAt)
		})
	}
}

// A token of a family before the one in use was rescued. Only TOKEN_FAMILY tells so, until
// the ledger does: another process must not take it for a newer consent.
func TestARescuedTokenOfAnOlderFamily(t *testing.T) {
	for _, unwritable := range []bool{false, true} {
		t.Run(fmt.Sprintf("the ledger cannot be written: %v", unwritable), func(t *testing.T) {
			w := newWorld(t)
			older, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			w.consent()
			w.want(keeper.Rotated)
			w.ticks(1, keeper.Idle)
			rescued := w.record()
			rescued.AuthorizedAt, rescued.Refresh = rescued.AuthorizedAt.Add(-time.Hour), family.FingerprintOf(older.Refresh)
			w.put(names.RefreshToken, older.Refresh.Reveal())
			w.put(names.Family, rescued.Encode().Reveal())
			if unwritable {
				w.unwritable = map[string]error{names.Ledger: errFault}
			}
			w.ticks(1, keeper.Restored)
			w.unwritable = nil
			w.restart()
			posts := w.posts()
			w.ticks(2, keeper.Idle, keeper.Restored)
			require.Equal(t, posts, w.posts())
			require.True(t, w.ledger().Record.Past.Has(rescued.Refresh))
			require.Equal(t, w.ledger().Record.AuthorizedAt, w.record().AuthorizedAt)
			w.ticks(12, keeper.Idle, keeper.Rotated)
			w.requireKept()
		})
	}
}

// The store's answer is lost when a token is rescued. TOKEN_FAMILY tells of it all the same.
func TestARescueWhoseAnswerIsLost(t *testing.T) {
	w := due(t)
	born := w.record().AuthorizedAt
	w.after = func(_ int, op string) error {
		switch op {
		case "post":
			w.unwritable = map[string]error{names.Ledger: errFault}
		case "write REFRESH_TOKEN":
			w.after = nil
			return errFault
		}
		return nil
	}
	w.want(keeper.Failed)
	require.Equal(t, family.FingerprintOf(w.get(names.RefreshToken).Value), w.record().Refresh)
	w.unwritable = nil
	w.restart()
	w.clock.Advance(family.Leeway)
	w.ticks(1, keeper.Rotated)
	w.requireKept()
	require.Equal(t, born, w.ledger().Record.AuthorizedAt)
}
