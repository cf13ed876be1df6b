package keeper_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// No intent, no spend: whichever of the calls before the spend fails, however
// often, and whether or not it took effect.
func TestNothingIsSpentWithoutAnIntent(t *testing.T) {
	calm := due(t)
	calm.ops = nil
	calm.want(keeper.Rotated)
	for _, op := range calm.ops[:slices.Index(calm.ops, "post")] {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after it took effect: %v", op, after), func(t *testing.T) {
				w := due(t)
				w.ops = nil
				if after {
					w.after = failing(op)
				} else {
					w.before = failing(op)
				}
				w.want(keeper.Failed)
				require.Zero(t, w.spends())
				w.before, w.after = nil, nil
				w.ticks(1, keeper.Rotated, keeper.Replayed)
				w.requireKept()
			})
		}
	}
}

// What the ledger says while the token is presented, in the first tick and in those
// that take the intent over. The leeway counts from the first, by the store's
// clock.
func TestTheIntentTellsTheFirstSpend(t *testing.T) {
	w := due(t)
	token := family.FingerprintOf(w.get(names.RefreshToken).Value)
	first := w.clock.Now()
	for attempt := range 3 {
		w.after = func(_ int, op string) error {
			if op != "post" {
				return nil
			}
			in := w.ledger().Intent
			require.NotNil(t, in)
			require.Equal(t, token, in.Token)
			require.Zero(t, in.Candidate)
			require.Equal(t, fmt.Sprintf("process-%d", attempt+1), in.Owner)
			require.Equal(t, first, in.First)
			require.Equal(t, w.get(names.Ledger).Modified, in.Last)
			panic(crash{})
		}
		_, ok := w.tick()
		require.False(t, ok)
		w.clock.Advance(150 * time.Second)
	}
	w.after = nil
	w.want(keeper.Replayed)
	w.requireKept()
	require.Nil(t, w.ledger().Intent)
}

// A process that was paused after its intent gives up rather than spend.
func TestAPausedProcessDoesNotSpend(t *testing.T) {
	const longest = family.Lease - family.PostTimeout - family.SaveReserve
	for paused, want := range map[time.Duration]int{longest: 1, longest + time.Millisecond: 0, time.Hour: 0} {
		t.Run(paused.String(), func(t *testing.T) {
			w := due(t)
			w.limit = 2 * time.Hour
			w.after = atFirst("write TOKEN_LEDGER", func() { w.clock.Advance(paused) })
			w.tick()
			require.Equal(t, want, w.spends())
			w.after = nil
			w.ticks(1)
			w.requireKept()
		})
	}
}

// A crash right after the spend, and nothing ran until the leeway was over:
// presenting the token now would revoke what another may have saved.
func TestTheIntentHoldsBackALateReplay(t *testing.T) {
	w := due(t)
	w.after = crashing("post")
	w.tick()
	w.after, w.ops = nil, nil
	w.clock.Advance(12 * time.Minute)
	w.want(keeper.InDoubt)
	require.Zero(t, w.spends())
	require.Nil(t, w.em.Families()[0].Death)
}

// Another process's intent is respected for two minutes by the store's clock, not
// by the local one. Then it is taken over with the time of its first attempt.
func TestAnothersIntent(t *testing.T) {
	for name, skew := range map[string]time.Duration{"clocks agree": 0, "ours is an hour ahead": time.Hour, "ours is a day behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := due(t)
			first := w.clock.Now()
			w.after = crashing("post")
			w.tick()
			w.after = nil
			w.restart()
			w.keeper.Now = func() time.Time { return w.clock.Now().Add(skew) }
			w.limit += skew // the deadline is the local clock's
			w.clock.Advance(2*time.Minute - time.Millisecond)
			w.want(keeper.Contended)
			w.clock.Advance(time.Millisecond)
			w.after = atFirst("post", func() { require.Equal(t, first, w.ledger().Intent.First) })
			w.want(keeper.Replayed)
			w.requireKept()
		})
	}
}

// Ticks come every minute, and each dies. No tick makes the intent or its first
// attempt younger by looking at it.
func TestALookDoesNotRenewAnIntent(t *testing.T) {
	w := due(t)
	w.after = crashing("post")
	w.tick()
	written := w.get(names.Ledger)
	w.after = nil
	for range 7 {
		w.clock.Advance(15 * time.Second)
		w.want(keeper.Contended)
		require.Equal(t, written, readAgain(w.get(names.Ledger), written.ReadAt))
	}
	w.clock.Advance(15 * time.Second)
	w.want(keeper.Replayed)
	w.requireKept()
}

// A stale intent is taken over by one of two processes only.
func TestTwoTakeAnIntentOver(t *testing.T) {
	w := due(t)
	w.after = crashing("post")
	w.tick()
	w.clock.Advance(3 * time.Minute)
	w.ops = nil
	w.after = nil
	w.before = atFirst("write TOKEN_LEDGER", func() {
		require.Equal(t, keeper.Replayed, w.tickOf(w.other("another")).Action)
	})
	w.want(keeper.Idle)
	require.Zero(t, w.spends(), "ours came second, and looked again")
	w.before = nil
	w.ticks(2, keeper.Idle)
	w.requireKept()
}

// A consent, or a deletion, takes the intent's place after a spend whose answer is lost
// or refused: the token is not presented again under that intent.
func TestNothingIsRepeatedUnderALostIntent(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*world)
		took   func(*world)
	}{
		{"a consent, after a lost answer", func(w *world) { w.inject(atlassiantest.After, 502, 1) }, consentsElsewhere},
		{"a consent, after a refusal in doubt", func(w *world) { w.answer(403, "invalid_grant", 1) }, consentsElsewhere},
		{"a deletion", func(w *world) { w.inject(atlassiantest.After, 502, 1) }, func(w *world) { w.remove(names.Ledger) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := due(t)
			w.before = crashing("post")
			w.tick()
			w.clock.Advance(3 * time.Minute)
			c.answer(w)
			w.before = func(_ int, op string) error {
				if op == "post" {
					require.NotNil(t, w.ledger().Intent, "an intent is the ledger's newest entry")
				}
				return nil
			}
			w.after = atFirst("post", func() { c.took(w) })
			w.tick()
			w.before, w.after = nil, nil
			w.ticks(2)
			w.requireKept()
		})
	}
}

// consentsElsewhere gives a consent in another process.
func consentsElsewhere(w *world) {
	_, err := w.consentBy(w.other("consents"), w.obtain)
	require.NoError(w.t, err)
}

// The same event twice, at the same time, in two processes, at every moment.
func TestTwoTicksAtOnce(t *testing.T) {
	for at := range 6 {
		t.Run(fmt.Sprintf("before operation %d", at), func(t *testing.T) {
			w := due(t)
			begun := w.posts()
			w.before = once(at+len(w.ops), func() error {
				out := w.tickOf(w.other("another"))
				require.Contains(t, []keeper.Action{keeper.Rotated, keeper.Contended, keeper.Idle}, out.Action, out.Reason)
				return nil
			})
			w.tick()
			require.Equal(t, 1, w.posts()-begun)
			w.before = nil
			w.ticks(3, keeper.Idle)
			w.requireKept()
		})
	}
}

// Answers are lost, and the outcome cannot be saved. The intent alone shows the
// doubt.
func TestTheIntentAloneTellsOfADoubt(t *testing.T) {
	w := due(t)
	first := w.clock.Now()
	w.inject(atlassiantest.After, 502, 4)
	w.after = atFirst("post", func() {
		w.unwritable = map[string]error{names.Ledger: errFault}
	})
	w.want(keeper.InDoubt)
	w.after, w.unwritable = nil, nil
	w.restart()
	w.clock.Advance(3 * time.Minute)
	require.Equal(t, first, w.ledger().Intent.First)
	w.want(keeper.Replayed) // the fourth answer was lost, the fifth was not
	w.requireKept()
}

// An attempt that fails again does not move the first spend.
func TestFurtherLostAnswersKeepTheFirstSpend(t *testing.T) {
	w := due(t)
	first := w.clock.Now()
	w.inject(atlassiantest.Before, 503, 9)
	for range 3 {
		w.want(keeper.InDoubt)
		require.Equal(t, first, w.ledger().Intent.First)
		require.Empty(t, w.ledger().Intent.Owner)
		require.Equal(t, first, w.record().LastFailure.FirstSpend)
		w.clock.Advance(5 * time.Minute)
	}
	w.want(keeper.Replayed)
	w.requireKept()
}

// Through an outage of half a day the ledger is written at every tick, more often
// than its history keeps.
func TestALedgerOfManyVersions(t *testing.T) {
	w := due(t)
	w.inject(atlassiantest.Before, 503, 0)
	w.ticks(150, keeper.InDoubt)
	require.Greater(t, w.get(names.Ledger).Version, int64(250))
	w.em.ClearFaults()
	w.ticks(1, keeper.Replayed)
	w.requireKept()
}

// A hundred values of a stranger's cover the ledger: it begins again on top of them,
// and the family lives on with its age.
func TestTheLedgerIsBuried(t *testing.T) {
	for _, n := range []int{1, 50, 99, 100, 150} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := settledWorld(t)
			w.rotations(3)
			born := w.record().AuthorizedAt
			for range n {
				w.put(names.Ledger, "written by a loop that should have written elsewhere")
			}
			w.restart()
			w.ticks(8, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.InDoubt)
			w.requireKept()
			w.ticks(16, keeper.Idle, keeper.Rotated)
			w.requireKept()
			require.Equal(t, born, w.record().AuthorizedAt)
		})
	}
}
