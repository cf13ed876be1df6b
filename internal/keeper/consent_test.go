package keeper_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

type obtain func(context.Context, family.Snapshot) (keeper.Grant, error)

// obtain consents at the emulator, as a person and the code exchange do.
func (w *world) obtain(context.Context, family.Snapshot) (keeper.Grant, error) {
	at := w.clock.Now()
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(w.t, err)
	return keeper.Grant{At: at, CloudID: "site", Account: "0123456789ab", ID: "digest", RedirectURI: "https://example.com/callback",
		Token: atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}}, nil
}

// consentBy runs a consent in a process of its own, as the bootstrap function does.
func (w *world) consentBy(k *keeper.Keeper, o obtain) (family.Record, error) {
	ctx := invocation{context.Background(), w.clock.Now().Add(3 * time.Minute)}
	return k.Consent(ctx, family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.NewJSONHandler(&w.logs, nil)), o)
}

// requireConsented checks that the newest consent is what is stored, and goes on
// being kept for an hour.
func (w *world) requireConsented(msg ...any) {
	w.t.Helper()
	for range 13 {
		w.requireKept(msg...)
		w.ticks(1, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Restored)
	}
	require.Equal(w.t, family.FromConsent, w.record().AuthorizedAtSource, msg...)
	require.Equal(w.t, "site", w.record().CloudID, msg...)
	require.Equal(w.t, "digest", w.record().Consent, msg...)
	require.InDelta(w.t, 365, w.record().ExpiresAt(w.policy.Lifetime).Sub(w.clock.Now()).Hours()/24, 0.2, msg...)
	require.False(w.t, w.record().Past.Has(w.record().Refresh), msg...)
}

func TestAConsentIsOneEntry(t *testing.T) {
	w := newWorld(t)
	w.put(names.ClientID, w.fix.App.ClientID)
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
	r, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		require.NotZero(t, w.get(names.Ledger).Version, "the ledger is known to take writes")
		return w.obtain(ctx, s)
	})
	require.NoError(t, err)
	require.Equal(t, []string{"read", "write TOKEN_LEDGER", "read", "write TOKEN_LEDGER", "read history of TOKEN_LEDGER", "write ACCESS_TOKEN", "write REFRESH_TOKEN",
		"write TOKEN_FAMILY", "write CLOUD_ID"}, w.ops)
	require.Equal(t, w.record(), r)
	require.Zero(t, r.Generation)
	require.Equal(t, 365.0, r.LifetimeDays)
	require.Equal(t, family.Fingerprint("0123456789ab"), r.Account)
	require.ElementsMatch(t, atlassiantest.ConnectorScopes(), r.Scopes)
	require.Equal(t, store.Encrypted, w.get(names.RefreshToken).Kind)
	require.Equal(t, "site", w.get(names.CloudID).Value.Reveal())
	w.want(keeper.Idle)
	w.requireConsented()
}

// A family is not born in the future, whatever its caller's clock says.
func TestAConsentOfAClockThatIsAhead(t *testing.T) {
	w := settledWorld(t)
	w.clock.Advance(time.Minute)
	r, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		g, err := w.obtain(ctx, s)
		g.At = g.At.Add(time.Hour)
		return g, err
	})
	require.NoError(t, err)
	require.Equal(t, w.clock.Now(), r.AuthorizedAt)
	w.requireConsented()
}

// Of two consents at once the newer one stays, and the other's caller hears that
// nothing has happened.
func TestAConsentDuringAConsent(t *testing.T) {
	w := settledWorld(t)
	_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		g, err := w.obtain(ctx, s)
		w.clock.Advance(time.Second)
		_, newer := w.consentBy(w.other("bootstrap"), w.obtain)
		require.NoError(t, newer)
		return g, err
	})
	require.ErrorAs(t, err, new(*keeper.ConsentBusyError))
	w.requireConsented()
}

// A consent runs, whole, at any moment of a tick that rotates. It waits for
// nobody, and is what is stored in the end.
func TestAConsentAtAnyMomentOfARotation(t *testing.T) {
	for at := range 6 {
		for _, kills := range []bool{false, true} {
			t.Run(fmt.Sprintf("before operation %d, it kills the old family: %v", at, kills), func(t *testing.T) {
				w := due(t, killing(kills))
				w.before = once(at, func() error {
					_, err := w.consentBy(w.other("bootstrap"), w.obtain)
					require.NoError(t, err)
					return nil
				})
				out, _ := w.tick()
				require.True(t, out.Action.Healthy(), "a refusal of the old family's token is not believed: %s", out.Reason)
				w.before = nil
				w.ticks(1)
				w.requireConsented()
			})
		}
	}
}

// A tick runs, whole, at any moment of a consent.
func TestARotationAtAnyMomentOfAConsent(t *testing.T) {
	for at := range 7 {
		for _, kills := range []bool{false, true} {
			t.Run(fmt.Sprintf("before operation %d, it kills the old family: %v", at, kills), func(t *testing.T) {
				w := due(t, killing(kills))
				w.before = once(at, func() error {
					out := w.tickOf(w.other("refresher"))
					require.True(t, out.Action.Healthy() || kills && out.Action == keeper.Refused, out.Reason)
					return nil
				})
				_, err := w.consentBy(w.keeper, w.obtain)
				require.NoError(t, err)
				w.before = nil
				require.GreaterOrEqual(t, len(w.ops), at)
				w.ticks(1)
				w.requireConsented()
			})
		}
	}
}

// A rotation is paused for a quarter of an hour at any moment, and finds after
// that that its intent was taken over, its token replayed, and a consent stored.
func TestAPausedRotationCannotOverwriteAConsent(t *testing.T) {
	for at := range 6 {
		t.Run(fmt.Sprintf("before operation %d", at), func(t *testing.T) {
			w := due(t)
			w.limit = time.Hour // as if the pause had not counted
			w.before = once(at, func() error {
				refresher := w.other("refresher")
				for range 3 {
					w.clock.Advance(5 * time.Minute)
					w.tickOf(refresher)
				}
				_, err := w.consentBy(w.other("bootstrap"), w.obtain)
				require.NoError(t, err)
				return nil
			})
			w.tick()
			w.before = nil
			w.ticks(1)
			w.requireConsented()
		})
	}
}

// psoxy or an earlier release may write while a consent is under way. The consent
// replaces what was written before it. Later it is a candidate like any other;
// either way no family is lost.
func TestAnUnknownTokenWrittenWhileAConsentIsUnderWay(t *testing.T) {
	for at := range 6 {
		t.Run(fmt.Sprintf("before operation %d", at), func(t *testing.T) {
			w := due(t)
			successor, err := w.em.Refresh(atlassiantest.RefreshRequest{ClientID: w.fix.App.ClientID,
				ClientSecret: w.fix.App.ClientSecret, RefreshToken: w.get(names.RefreshToken).Value, Presenter: "paused"})
			require.NoError(t, err)
			w.before = once(at, func() error { w.put(names.RefreshToken, successor.Refresh.Reveal()); return nil })
			_, err = w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
				w.clock.Advance(time.Second)
				return w.obtain(ctx, s)
			})
			require.NoError(t, err)
			w.before = nil
			w.ticks(1)
			if at < 2 {
				w.requireConsented()
				return
			}
			w.ticks(24, keeper.Idle, keeper.Rotated)
			info, _ := w.em.Lookup(w.get(names.RefreshToken).Value)
			require.Equal(t, atlassiantest.StatusLive, info.Status)
			w.requireAlive(0)
			w.requireAlive(1)
		})
	}
}

// The process dies at every step of a consent, before and after it takes effect.
// The family that the ledger has is kept, the old one or the new one. The same
// consent is used when it is repeated.
func TestACrashInAConsent(t *testing.T) {
	for step := range 7 {
		for _, after := range []bool{false, true} {
			for _, kills := range []bool{false, true} {
				t.Run(fmt.Sprintf("at operation %d, after it took effect: %v, it kills the old family: %v", step, after, kills), func(t *testing.T) {
					w := settledWorld(t, killing(kills))
					w.clock.Advance(20 * time.Minute)
					die := once(step, func() error { panic(crash{}) })
					if after {
						w.after = die
					} else {
						w.before = die
					}
					w.dying(func() {
						_, err := w.consentBy(w.keeper, w.obtain)
						require.NoError(t, err)
					})
					w.before, w.after = nil, nil
					saved := w.ledger().Record
					w.ticks(3)
					if saved.AuthorizedAtSource == family.FromConsent {
						w.requireKept()
						require.Equal(t, "digest", w.record().Consent)
						require.Equal(t, "site", w.get(names.CloudID).Value.Reveal())
					}
					_, err := w.consentBy(w.keeper, w.obtain)
					require.NoError(t, err)
					w.requireConsented()
				})
			}
		}
	}
}

// dying does something that may kill the process.
func (w *world) dying(do func()) {
	defer func() {
		if r := recover(); r != nil {
			require.Equal(w.t, crash{}, r)
			w.restart()
		}
	}()
	do()
}

// The store takes no writes once the tokens have arrived: they stay in memory,
// and the next tick or consent of the process saves them.
func TestAConsentSurvivesAnOutageOfTheStore(t *testing.T) {
	t.Run("of the ledger", func(t *testing.T) {
		w := settledWorld(t)
		_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
			w.unwritable = map[string]error{names.Ledger: errFault}
			return w.obtain(ctx, s)
		})
		require.ErrorAs(t, err, new(*keeper.ConsentUnsavedError))
		require.Zero(t, w.writes(names.RefreshToken), "its caller has set the tokens aside, with their app")
		requireNoLeak(t, w, err.Error())
		w.unwritable = nil
		w.ticks(1, keeper.Rotated)
		w.requireConsented()
	})
	for _, copied := range []string{names.RefreshToken, names.AccessToken, names.Family, names.CloudID} {
		t.Run("of a copy: "+short(copied), func(t *testing.T) {
			w := settledWorld(t)
			w.unwritable = map[string]error{copied: errPolicy}
			_, err := w.consentBy(w.keeper, w.obtain)
			require.NoError(t, err, "it is in the ledger")
			w.unwritable = nil
			w.ticks(1, keeper.Idle)
			w.requireConsented()
		})
	}
	t.Run("the ledger takes no writes before", func(t *testing.T) {
		w := settledWorld(t)
		w.unwritable = map[string]error{names.Ledger: errLabel}
		called := false
		_, err := w.consentBy(w.keeper, func(context.Context, family.Snapshot) (keeper.Grant, error) {
			called = true
			return keeper.Grant{}, nil
		})
		require.ErrorIs(t, err, store.ErrUnwritable)
		require.False(t, called, "the code is not spent")
	})
}

// A consent is given in the second in which the ledger adopts a token: it wins.
func TestAConsentInTheSecondOfAnAdoption(t *testing.T) {
	w := newWorld(t, killing(true))
	w.consent()
	other := keeper.New(keeper.Config{Store: w.mem, Token: w.client, Now: w.clock.Now, Process: "consents", Together: inTurn})
	_, err := w.consentBy(other, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
		w.want(keeper.Rotated)
		return w.obtain(ctx, s)
	})
	require.NoError(t, err)
	w.requireConsented()
}
