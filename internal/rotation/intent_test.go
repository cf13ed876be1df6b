package rotation_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const lockOp = " OAUTH_REFRESH_TOKEN_lock"

// due is a connection whose rotation is due, with a stale lock that means
// nothing where stale is true: the lock is taken over then, else created.
func due(t *testing.T, stale bool) *world {
	w := newWorld(t)
	w.consent()
	w.want(rotation.Rotated)
	if stale {
		w.writeLock(family.Intent{Owner: "dead/1"})
	}
	w.clock.Advance(40 * time.Minute)
	w.ops = nil
	return w
}

// writeLock is another process that takes the lock, in whatever way.
func (w *world) writeLock(in family.Intent) atlassian.Secret {
	value := family.EncodeLock(w.clock.Now(), in)
	_, err := w.mem.Write(context.Background(), names.Lock, value, store.Plain)
	require.NoError(w.t, err)
	return value
}

func (w *world) lock() family.Lock { return family.ParseLock(w.get(names.Lock)) }

// spends is how often the keeper presented a token since ops was emptied.
func (w *world) spends() (n int) {
	for _, op := range w.ops {
		if op == "post" {
			n++
		}
	}
	return n
}

// failing lets every operation of this name fail before it takes effect.
func failing(op string) func(int, string) error {
	return func(_ int, o string) error {
		if o == op {
			return errFault
		}
		return nil
	}
}

// crashing ends the process at every operation of this name.
func crashing(op string) func(int, string) error {
	return func(_ int, o string) error {
		if o == op {
			panic(crash{})
		}
		return nil
	}
}

// No intent, no spend: whichever of the calls around the lock fails, however
// often, and whether or not it took effect.
func TestNothingIsSpentWithoutAnIntent(t *testing.T) {
	for _, stale := range []bool{false, true} {
		calm := due(t, stale)
		calm.want(rotation.Rotated)
		for _, op := range calm.ops[1:slices.Index(calm.ops, "post")] {
			for _, after := range []bool{false, true} {
				w := due(t, stale)
				fail := func(n int, o string) error {
					if n > 0 && o == op {
						return errFault
					}
					return nil
				}
				if after {
					w.after = fail
				} else {
					w.before = fail
				}
				w.want(rotation.Failed)
				require.Zero(t, w.spends(), op)
				w.before, w.after = nil, nil
				w.clock.Advance(5 * time.Minute)
				out, _ := w.tick()
				require.Contains(t, []rotation.Action{rotation.Rotated, rotation.Replayed}, out.Action, out.Reason)
				w.requireKept(op)
			}
		}
	}
}

// The lock is somebody else's, though taking it seemed to work: Parameter Store
// does not always refuse a create right after a delete, and never an overwrite.
func TestALockThatAnotherTookAtTheSameTime(t *testing.T) {
	other := family.Intent{Owner: "other/1"}
	remove := func(w *world) { require.NoError(w.t, w.mem.Delete(context.Background(), names.Lock)) }
	for name, c := range map[string]struct {
		stale bool
		// before and after the call that takes the lock.
		before, after func(*world)
	}{
		"created before ours":         {before: func(w *world) { w.writeLock(other) }},
		"created after ours":          {after: func(w *world) { remove(w); w.writeLock(other) }},
		"taken over before us":        {stale: true, before: func(w *world) { w.writeLock(other) }},
		"released and created before": {stale: true, before: func(w *world) { remove(w); w.writeLock(other) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := due(t, c.stale)
			at := func(do func(*world)) func(int, string) error {
				return func(n int, op string) error {
					if do != nil && n > 0 && strings.HasSuffix(op, lockOp) && !strings.HasPrefix(op, "read") {
						do(w)
						do = nil
					}
					return nil
				}
			}
			w.before, w.after = at(c.before), at(c.after)
			w.want(rotation.Contended)
			require.Zero(t, w.spends())
		})
	}
}

// The token was replaced between reading it and taking the lock: what was read
// is not presented, and the lock does not hinder the next tick.
func TestATokenThatWasReplacedIsNotPresented(t *testing.T) {
	w := due(t, false)
	w.after = func(_ int, op string) error {
		if op == "create"+lockOp {
			w.consent()
		}
		return nil
	}
	w.want(rotation.Contended)
	require.Zero(t, w.spends())
	w.after = nil
	w.want(rotation.Rotated)
	w.requireKept()
}

// A process that was paused with the lock in its hands gives up rather than spend.
func TestAPausedProcessDoesNotSpend(t *testing.T) {
	const longest = family.LockStale - family.PostTimeout - family.SaveReserve
	for paused, want := range map[time.Duration]int{longest: 1, longest + time.Millisecond: 0, time.Hour: 0} {
		w := due(t, false)
		w.limit = 2 * time.Hour
		w.after = once(2, func() error { w.clock.Advance(paused); return nil })
		w.tick()
		require.Equal(t, want, w.spends(), paused)
		w.after = nil
		w.clock.Advance(5 * time.Minute)
		w.tick()
		w.requireKept(paused)
	}
}

// What the intent says while the token is presented, in the first tick and in
// the one that takes the lock over: the leeway counts from the first.
func TestTheIntentTellsTheFirstSpend(t *testing.T) {
	w := due(t, false)
	spending := family.FingerprintOf(w.get(names.RefreshToken).Value)
	var first time.Time
	for attempt := range 3 {
		begun := w.clock.Now()
		if attempt == 0 {
			first = begun
		}
		w.after = func(_ int, op string) error {
			if op != "post" {
				return nil
			}
			in := w.lock().Intent
			require.NotNil(t, in)
			require.Equal(t, spending, in.Spending)
			require.Equal(t, first, in.FirstSpend)
			require.Equal(t, begun, in.Attempt)
			panic(crash{})
		}
		_, ok := w.tick()
		require.False(t, ok)
		w.clock.Advance(150 * time.Second)
	}
	w.after = nil
	w.want(rotation.Replayed)
	w.requireKept()
}

// A crash right after the spend, and nothing ran until the leeway was over:
// presenting the token now would revoke what another may have saved.
func TestTheIntentHoldsBackALateReplay(t *testing.T) {
	w := due(t, false)
	w.after = crashing("post")
	w.tick()
	w.after, w.ops = nil, nil
	w.clock.Advance(12 * time.Minute)
	w.want(rotation.InDoubt)
	require.Zero(t, w.spends())
	require.Nil(t, w.em.Families()[0].Death)
}

// The lock of a process that was paused while it saved belongs to another by
// now: it is not deleted.
func TestAnothersLockIsNotDeleted(t *testing.T) {
	w := due(t, false)
	w.limit = time.Hour
	var theirs atlassian.Secret
	w.after = func(_ int, op string) error {
		if op == "write TOKEN_FAMILY" {
			w.clock.Advance(3 * time.Minute)
			theirs = w.writeLock(family.Intent{Owner: "other/1"})
		}
		return nil
	}
	w.want(rotation.Rotated)
	require.Equal(t, theirs, w.get(names.Lock).Value)
}

// Answers are lost and the record cannot be written: the lock alone tells of
// the doubt, and stays. Where the lock is lost instead, the record tells.
func TestLockAndRecordBothTellOfADoubt(t *testing.T) {
	for _, lose := range []string{names.Family, names.Lock} {
		w := due(t, false)
		first := w.clock.Now()
		require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken,
			When: atlassiantest.After, Kind: atlassiantest.KindStatus, Status: 502, Times: 4}))
		if lose == names.Family {
			w.before = failing("write TOKEN_FAMILY")
		}
		w.want(rotation.InDoubt)
		require.Equal(t, first, w.lock().Intent.FirstSpend)
		w.before = nil
		w.restart()
		if lose == names.Lock {
			require.Equal(t, first, w.record().LastFailure.FirstSpend)
			require.NoError(t, w.mem.Delete(context.Background(), names.Lock))
		}
		w.clock.Advance(3 * time.Minute)
		w.want(rotation.Replayed) // the fourth answer was lost, the fifth was not
		w.requireKept(lose)
	}
}

// An attempt that fails again does not move the first spend.
func TestFurtherLostAnswersKeepTheFirstSpend(t *testing.T) {
	w := due(t, false)
	first := w.clock.Now()
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken,
		When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503, Times: 9}))
	for range 3 {
		w.want(rotation.InDoubt)
		require.Equal(t, first, w.record().LastFailure.FirstSpend)
		require.Equal(t, first, w.lock().Intent.FirstSpend)
		w.clock.Advance(5 * time.Minute)
	}
	w.want(rotation.Replayed)
	w.requireKept()
}

// A process whose clock is wrong takes a fresh lock for a stale one. The store's
// clock tells better: the lock is put back as it was.
func TestAClockThatIsAheadTakesNoLock(t *testing.T) {
	w := due(t, false)
	w.limit = time.Hour
	theirs := w.writeLock(family.Intent{Owner: "other/1", Spending: family.FingerprintOf(w.get(names.RefreshToken).Value),
		FirstSpend: w.clock.Now(), Attempt: w.clock.Now()})
	w.clock.Advance(30 * time.Second)
	w.keeper.Now = func() time.Time { return w.clock.Now().Add(5 * time.Minute) }
	w.want(rotation.Contended)
	require.Zero(t, w.spends())
	require.Equal(t, theirs, w.get(names.Lock).Value)
	require.NotEqual(t, int64(1), w.get(names.Lock).Version, "it was taken, and put back")
}
