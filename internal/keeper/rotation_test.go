package keeper_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestAdoptRotateIdleRotate(t *testing.T) {
	w := newWorld(t)
	w.want(keeper.AwaitingConsent)
	w.consent()
	begun := w.posts()

	out := w.want(keeper.Rotated)
	require.Equal(t, 1, out.Generation)
	require.Equal(t, 365.0, *out.FamilyDaysRemaining)
	require.Equal(t, 3600.0, *out.AccessTokenSecondsRemaining)
	require.Equal(t, 1, w.posts()-begun)
	require.Zero(t, w.get(names.Lock).Version, "the lock is released")
	w.requireKept()

	for range 7 { // 35 minutes: exactly 25 are left then, and that is not less
		w.clock.Advance(5 * time.Minute)
		w.want(keeper.Idle)
	}
	w.clock.Advance(5 * time.Minute)
	require.Equal(t, 2, w.want(keeper.Rotated).Generation)
	require.Equal(t, 2, w.posts()-begun)
	w.requireKept()
}

func TestCallsOfATick(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.want(keeper.Rotated)
	require.Equal(t, []string{"read", "read history of REFRESH_TOKEN", "read history of TOKEN_FAMILY", "write TOKEN_LEDGER",
		"write TOKEN_FAMILY", "read", "write TOKEN_LEDGER", "read history of TOKEN_LEDGER", "post", "write TOKEN_LEDGER", "read history of TOKEN_LEDGER",
		"write ACCESS_TOKEN", "write REFRESH_TOKEN"}, w.ops, "adopted and rotated: the number of a young ledger's put is looked up, and TOKEN_FAMILY tells that there is a ledger")
	w.rotations(24)
	w.want(keeper.Idle)
	require.Equal(t, []string{"read"}, w.ops)
	w.clock.Advance(40 * time.Minute)
	w.ops = nil
	w.want(keeper.Rotated)
	require.Equal(t, []string{"read", "write TOKEN_LEDGER", "post", "write TOKEN_LEDGER", "write ACCESS_TOKEN", "write REFRESH_TOKEN"}, w.ops)
	w.ops = nil
	w.want(keeper.Idle)
	require.Equal(t, []string{"read", "write TOKEN_FAMILY"}, w.ops, "it is for people, and waits for the next tick")
}

func TestAYear(t *testing.T) {
	w := newWorld(t)
	w.consent()
	rotations := 0
	for range 365 * 24 * 60 / 40 { // every 40 minutes a rotation is due
		w.want(keeper.Rotated)
		rotations++
		w.clock.Advance(40 * time.Minute)
	}
	require.InDelta(t, rotations, w.record().Generation, 1)
	out := w.want(keeper.Refused) // the emulator's own 365 days are over
	require.LessOrEqual(t, *out.FamilyDaysRemaining, 0.0)
	posts := w.posts()
	for range 24 * 12 {
		w.clock.Advance(5 * time.Minute)
		w.want(keeper.Refused)
	}
	require.Equal(t, 6, w.posts()-posts, "a dead family is probed twice within minutes, after an hour, and then every six")
	w.consent()
	out = w.want(keeper.Rotated)
	require.Equal(t, 365.0, *out.FamilyDaysRemaining, "a new consent wakes it and restarts the countdown")
	w.requireKept()
}

func TestPsoxyForm(t *testing.T) {
	w := newWorld(t)
	w.policy.AccessFormat = psoxy.JSON
	w.consent()
	w.want(keeper.Rotated)
	require.Regexp(t, `^\{"token":"[^"]+","expirationDate":\d{13}\}$`, w.get(names.AccessToken).Value.Reveal())
}

// panicking is a store that ends the program where ACCESS_TOKEN is written.
type panicking struct{ store.Store }

func (s panicking) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	if name == names.AccessToken {
		panic("a fault of the program")
	}
	return s.Store.Write(ctx, name, value, k)
}

// Copies are written side by side. A panic of one is the tick's, and not a process's
// end without a word.
func TestAPanicBesideOtherWrites(t *testing.T) {
	w := due(t)
	k := keeper.New(keeper.Config{Store: panicking{w.mem}, Token: w.client, Now: w.clock.Now, Process: "panics"})
	require.PanicsWithValue(t, "a fault of the program", func() { w.tickOf(k) })
	w.ticks(2, keeper.Idle, keeper.Rotated)
	w.requireKept()
}

// Every single fault at every operation of a rotation, and then ticks every
// five minutes: the family is kept and the state is clean again.
func TestEverySingleFault(t *testing.T) {
	clean := newWorld(t)
	clean.consent()
	clean.want(keeper.Rotated)
	require.Len(t, clean.ops, 13)

	kinds := map[string]func(w *world, at int){
		"crash before": func(w *world, at int) { w.before = once(at, func() error { panic(crash{}) }) },
		"crash after":  func(w *world, at int) { w.after = once(at, func() error { panic(crash{}) }) },
		"error before": func(w *world, at int) { w.before = once(at, func() error { return errFault }) },
		"error after":  func(w *world, at int) { w.after = once(at, func() error { return errFault }) },
		"pause before": func(w *world, at int) {
			w.before = once(at, func() error { w.clock.Advance(3 * time.Minute); return nil })
		},
		"pause after": func(w *world, at int) {
			w.after = once(at, func() error { w.clock.Advance(3 * time.Minute); return nil })
		},
	}
	for kind, strike := range kinds {
		for at, op := range clean.ops {
			t.Run(kind+"/"+op, func(t *testing.T) {
				for _, siblingsDie := range []bool{false, true} {
					w := newWorld(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
					w.consent()
					strike(w, at)
					w.tick()
					w.before, w.after = nil, nil
					for range 24 {
						w.clock.Advance(5 * time.Minute)
						out, ok := w.tick()
						require.True(t, ok)
						require.Contains(t, []keeper.Action{keeper.Idle, keeper.Rotated, keeper.Replayed}, out.Action, out.Reason)
						w.requireKept(kind, op)
					}
					require.Zero(t, w.get(names.Lock).Version, "the lock is released")
				}
			})
		}
	}
}

// once strikes at the n-th operation only.
func once(n int, strike func() error) func(int, string) error {
	done := false
	return func(i int, _ string) error {
		if i != n || done {
			return nil
		}
		done = true
		return strike()
	}
}
