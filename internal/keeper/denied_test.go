package keeper_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

var (
	errPolicy = fmt.Errorf("%w: check this role's policy and the key's", store.ErrDenied)
	errLabel  = fmt.Errorf("%w: its oldest version has a label", store.ErrUnwritable)
	errList   = fmt.Errorf("%w: it is a StringList", store.ErrUnwritable)
	errBusy   = fmt.Errorf("throttled: %w", store.ErrNotWritten)
)

// A parameter takes no write for hours. No token is spent whose successor could not
// be saved. What the ledger has saved is published when the parameter can be
// written again.
func TestAParameterThatTakesNoWrite(t *testing.T) {
	for name, why := range map[string]error{"a policy": errPolicy, "a label on its oldest version": errLabel, "a StringList": errList, "no answer": errFault, "throttled": errBusy} {
		for _, parameter := range []string{names.Ledger, names.RefreshToken, names.AccessToken, names.Family, names.CloudID, names.Lock} {
			t.Run(short(parameter)+", "+name, func(t *testing.T) {
				w := due(t)
				w.unwritable = map[string]error{parameter: why}
				begun := w.posts()
				var last keeper.Outcome
				for range 24 { // two hours
					last = w.outcome()
					w.clock.Advance(5 * time.Minute)
				}
				switch parameter {
				case names.Ledger:
					require.Equal(t, keeper.Failed, last.Action, last.Reason)
					require.Equal(t, begun, w.posts(), "no intent, no spend")
				case names.CloudID, names.Lock:
					require.Contains(t, []keeper.Action{keeper.Idle, keeper.Rotated}, last.Action, last.Reason)
				case names.AccessToken, names.RefreshToken, names.Family:
					require.False(t, last.Action.Healthy(), "people are told: %s", last.Reason)
					require.Contains(t, last.Reason, parameter)
					require.LessOrEqual(t, w.posts()-begun, 4, "it rotates when that is due, no more")
				}
				require.Nil(t, w.em.Families()[0].Death)
				w.unwritable = nil
				w.ticks(2, keeper.Idle, keeper.Rotated)
				w.requireKept()
				w.ticks(12, keeper.Idle, keeper.Rotated)
				w.requireKept()
				require.Equal(t, w.ledger().Record.Generation, w.record().Generation)
			})
		}
	}
}

// The ledger takes no more writes once the token is spent: the label was set, or
// the policy changed, between intent and settle. The process holds the successor, and
// saves it as soon as it can; where it dies, the token is presented again.
func TestTheLedgerTakesNoMoreWrites(t *testing.T) {
	for name, c := range map[string]struct {
		why  error
		dies bool
	}{
		"a label": {errLabel, false}, "a policy": {errPolicy, false}, "a label, and the process dies": {errLabel, true},
		"a policy, and the process dies": {errPolicy, true}, "no answer, and the process dies": {errFault, true},
	} {
		for _, siblingsDie := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, siblings die: %v", name, siblingsDie), func(t *testing.T) {
				w := due(t, func(p *atlassiantest.Policy) { p.SiblingsDie = siblingsDie })
				w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: c.why} })
				out := w.want(keeper.Failed)
				require.Contains(t, out.Reason, names.Ledger)
				require.Contains(t, out.Reason, "kept in memory")
				w.after = nil
				if c.dies {
					w.restart()
					w.clock.Advance(2 * time.Minute)
					w.tick()
				} else {
					w.ticks(3)
				}
				require.Equal(t, 1, w.spends())
				w.unwritable = nil
				w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Replayed)
				w.requireKept()
			})
		}
	}
}

// One name cannot be read: the policy names parameters one by one and somebody
// forgot one, or a key protects it.
func TestAParameterThatCannotBeRead(t *testing.T) {
	for _, parameter := range []string{names.Ledger, names.ClientID, names.ClientSecret, names.RefreshToken, names.AccessToken, names.Family, names.CloudID, names.Lock} {
		for _, fresh := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, new process: %v", short(parameter), fresh), func(t *testing.T) {
				w := due(t)
				w.unreadable = map[string]error{parameter: errPolicy}
				if fresh {
					w.restart()
				}
				begun := w.posts()
				var last keeper.Outcome
				for range 24 {
					last = w.outcome()
					w.clock.Advance(5 * time.Minute)
				}
				switch parameter {
				case names.Ledger, names.ClientID, names.ClientSecret:
					require.Equal(t, keeper.Failed, last.Action, last.Reason)
					require.Contains(t, last.Reason, store.ErrDenied.Error())
					require.Equal(t, begun, w.posts())
				default:
					require.Contains(t, []keeper.Action{keeper.Idle, keeper.Rotated, keeper.Restored}, last.Action, last.Reason)
					require.GreaterOrEqual(t, w.posts()-begun, 3, "the family is kept all the same")
					require.LessOrEqual(t, w.posts()-begun, 4)
					w.requireKept("consumers have a live token")
					require.LessOrEqual(t, w.writes(parameter), 5, "what cannot be read is not written at every tick")
				}
				w.unreadable = nil
				w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Restored)
				w.requireKept()
			})
		}
	}
	t.Run("all but the essentials", func(t *testing.T) {
		w := due(t)
		w.unreadable = map[string]error{}
		for _, name := range []string{names.RefreshToken, names.AccessToken, names.Family, names.CloudID, names.Lock} {
			w.unreadable[name] = errPolicy
		}
		w.ticks(3, keeper.Failed)
		w.unreadable = nil
		w.ticks(3, keeper.Idle, keeper.Rotated)
		w.requireKept()
	})
	t.Run("only histories", func(t *testing.T) {
		w := due(t)
		w.before = func(_ int, op string) error {
			if op == "read history of REFRESH_TOKEN" || op == "read history of TOKEN_FAMILY" || op == "read history of TOKEN_LEDGER" {
				return errPolicy
			}
			return nil
		}
		w.ticks(12, keeper.Idle, keeper.Rotated)
		w.requireKept()
		w.put(names.RefreshToken, "CHANGE_ME")
		w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Restored)
		w.requireKept()
		w.consent()
		w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Restored)
		w.requireKept()
	})
	t.Run("REFRESH_TOKEN, once the ledger has begun with what was read there", func(t *testing.T) {
		w := newWorldOf(t, true)
		seed := w.consent()
		w.ticks(2, keeper.Rotated, keeper.Idle)
		w.put(names.RefreshToken, seed.Refresh.Reveal()) // an older token
		w.remove(names.Ledger)
		w.restart()
		w.waits()
		w.restart()
		w.unreadable = map[string]error{names.RefreshToken: errPolicy}
		w.want(keeper.Replayed)
		w.unreadable = nil
		w.ticks(2, keeper.Idle, keeper.Restored)
		w.requireKept()
	})
	t.Run("REFRESH_TOKEN, while a person stores a new consent there", func(t *testing.T) {
		w := due(t)
		w.unreadable = map[string]error{names.RefreshToken: errPolicy}
		w.ticks(2)
		w.consent()
		w.unreadable = nil
		w.ticks(3, keeper.Idle, keeper.Rotated)
		w.requireKept()
	})
}

// keyless is a store whose key decrypts, and does not encrypt.
type keyless struct{ store.Store }

func (s keyless) Create(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	if k == store.Encrypted {
		return 0, errPolicy
	}
	return s.Store.Create(ctx, name, v, k)
}

func (s keyless) Write(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	if k == store.Encrypted {
		return 0, errPolicy
	}
	return s.Store.Write(ctx, name, v, k)
}

// A key that decrypts what is stored may still refuse to encrypt what comes
// next. That is found out before the token is spent, not after.
func TestNothingIsSpentWhileTheKeyTakesNoSecrets(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		t.Run(fmt.Sprintf("the ledger has begun: %v", !adopted), func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			if adopted {
				w.remove(names.AccessToken)
			} else {
				w.want(keeper.Rotated)
				w.clock.Advance(40 * time.Minute)
			}
			w.ops = nil
			working := w.keeper.Store
			w.restartWith(keyless{working})
			for range 24 {
				require.Contains(t, w.want(keeper.Failed).Reason, store.ErrDenied.Error())
				w.clock.Advance(5 * time.Minute)
			}
			require.Zero(t, w.spends())
			w.restartWith(working)
			w.want(keeper.Rotated)
			w.requireKept()
		})
	}
}
