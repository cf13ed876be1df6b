package rotation_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// obtain consents at the emulator, as a person and the code exchange do.
func (w *world) obtain(context.Context, family.Snapshot) (rotation.Grant, error) {
	at := w.clock.Now()
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(w.t, err)
	return rotation.Grant{At: at, CloudID: "site", Account: "0123456789ab",
		Token: atlassian.Token{Access: tokens.Access, Refresh: tokens.Refresh, ExpiresIn: tokens.ExpiresIn, Scopes: tokens.Scopes}}, nil
}

// consentBy runs a consent in a process of its own, as the bootstrap function does.
func (w *world) consentBy(k *rotation.Keeper, obtain func(context.Context, family.Snapshot) (rotation.Grant, error)) (family.Record, error) {
	ctx := invocation{context.Background(), w.clock.Now().Add(3 * time.Minute)}
	return k.Consent(ctx, rotation.Connection{Name: conn, Policy: w.policy}, slog.New(slog.NewJSONHandler(&w.logs, nil)), obtain)
}

// other is a keeper of another process that no fault strikes.
func (w *world) other(name string) *rotation.Keeper {
	return rotation.New(rotation.Config{Store: w.mem, Token: w.client, Now: w.clock.Now,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }, Process: name})
}

// requireNewest checks that the newest consent is what is stored, and goes on
// being kept for an hour.
func (w *world) requireNewest(msg ...any) {
	w.t.Helper()
	for range 13 {
		w.requireKept(msg...)
		w.clock.Advance(5 * time.Minute)
		_, ok := w.tick()
		require.True(w.t, ok)
	}
	require.Equal(w.t, family.FromConsent, w.record().AuthorizedAtSource, msg...)
	require.Equal(w.t, "site", w.record().CloudID, msg...)
}

func TestConsentIsStoredUnderTheLock(t *testing.T) {
	w := newWorld(t)
	w.put(names.ClientID, w.fix.App.ClientID)
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
	r, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (rotation.Grant, error) {
		lock := family.ParseLock(w.get(names.Lock))
		require.NotNil(t, lock.Intent)
		require.True(t, lock.Intent.Consent)
		require.Empty(t, lock.Intent.Spending)
		return w.obtain(ctx, s)
	})
	require.NoError(t, err)
	require.Equal(t, []string{"read", "create OAUTH_REFRESH_TOKEN_lock", "read", "write OAUTH_REFRESH_TOKEN_lock", "write REFRESH_TOKEN", "write ACCESS_TOKEN",
		"write TOKEN_FAMILY", "write CLOUD_ID", "delete OAUTH_REFRESH_TOKEN_lock"}, w.ops)
	require.Equal(t, w.record(), r)
	require.Zero(t, r.Generation)
	require.Equal(t, 365.0, r.LifetimeDays)
	require.Equal(t, family.Fingerprint("0123456789ab"), r.Account)
	require.ElementsMatch(t, atlassiantest.ConnectorScopes(), r.Scopes)
	require.Equal(t, store.Encrypted, w.get(names.RefreshToken).Kind)
	require.Equal(t, "site", w.get(names.CloudID).Value.Reveal())
	w.want(rotation.Idle)
	w.requireNewest()
}

// A consent runs, whole, at any moment of a tick that rotates. If the tick has
// the lock, the consent waits for it and comes later; either way it is what is
// stored in the end.
func TestConsentAtAnyMomentOfARotation(t *testing.T) {
	for at := range 8 {
		for _, kills := range []bool{false, true} {
			w := newWorld(t, func(p *atlassiantest.Policy) { p.ReconsentKillsOld = kills })
			w.consent()
			w.want(rotation.Rotated)
			w.clock.Advance(40 * time.Minute)
			w.ops = nil
			var busy *rotation.ConsentBusy
			waits := false
			w.before = once(at, func() error {
				_, err := w.consentBy(w.other("bootstrap"), w.obtain)
				if waits = errors.As(err, &busy); !waits {
					require.NoError(t, err)
				}
				return nil
			})
			w.tick()
			w.before = nil
			if waits {
				w.clock.Advance(5 * time.Minute)
				w.tick() // a lock left behind, and what it may have spent, are the refresher's
				w.clock.Advance(5 * time.Minute)
				w.tick()
				_, err := w.consentBy(w.other("bootstrap"), w.obtain)
				require.NoError(t, err, at)
			}
			w.requireNewest("at %d, old family killed: %v", at, kills)
		}
	}
}

// A tick runs, whole, at any moment of a consent.
func TestRotationAtAnyMomentOfAConsent(t *testing.T) {
	for at := range 8 {
		w := newWorld(t)
		w.consent()
		w.want(rotation.Rotated)
		w.clock.Advance(40 * time.Minute)
		w.ops = nil
		refresher := w.other("refresher")
		w.before = once(at, func() error {
			out := refresher.Tick(invocation{context.Background(), w.clock.Now().Add(2 * time.Minute)},
				rotation.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
			require.Contains(t, []rotation.Action{rotation.Rotated, rotation.Contended, rotation.Idle}, out.Action, out.Reason)
			return nil
		})
		_, err := w.consentBy(w.keeper, w.obtain)
		require.NoError(t, err, at)
		w.before = nil
		require.GreaterOrEqual(t, len(w.ops), at)
		w.requireNewest("at %d", at)
	}
}

// A rotation is paused for a quarter of an hour at any moment, and finds after
// that that its lock was taken over, its token replayed, and a consent stored.
func TestPausedRotationCannotOverwriteAConsent(t *testing.T) {
	for at := range 8 {
		w := newWorld(t)
		w.consent()
		w.want(rotation.Rotated)
		w.clock.Advance(40 * time.Minute)
		w.ops, w.limit = nil, time.Hour // as if the pause had not counted
		w.before = once(at, func() error {
			refresher := w.other("refresher")
			for range 3 {
				w.clock.Advance(5 * time.Minute)
				refresher.Tick(invocation{context.Background(), w.clock.Now().Add(2 * time.Minute)},
					rotation.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
			}
			_, err := w.consentBy(w.other("bootstrap"), w.obtain)
			require.NoError(t, err, "at %d", at)
			return nil
		})
		w.tick()
		w.before = nil
		w.requireNewest("at %d", at)
	}
}

// What a paused rotation writes while a consent is under way, and before the
// consent's own write, is covered by it although nothing is known about it.
func TestConsentOutranksAnUnknownTokenWrittenMeanwhile(t *testing.T) {
	for at := range 4 {
		w := newWorld(t)
		w.consent()
		w.want(rotation.Rotated)
		w.clock.Advance(40 * time.Minute)
		successor, err := w.em.Refresh(atlassiantest.RefreshRequest{ClientID: w.fix.App.ClientID,
			ClientSecret: w.fix.App.ClientSecret, RefreshToken: w.get(names.RefreshToken).Value, Presenter: "paused"})
		require.NoError(t, err)
		w.ops = nil
		w.before = once(at, func() error {
			_, err := w.mem.Write(context.Background(), names.RefreshToken, successor.Refresh, store.Encrypted)
			return err
		})
		_, err = w.consentBy(w.keeper, w.obtain)
		require.NoError(t, err)
		w.before = nil
		w.requireNewest("at %d", at)
	}
}

// Crashes at every step, before and after it takes effect: the old family or
// the new one is kept, and a repeated consent succeeds.
func TestCrashInAConsent(t *testing.T) {
	for step := range 9 {
		for _, after := range []bool{false, true} {
			w := newWorld(t)
			w.consent()
			w.want(rotation.Rotated)
			w.clock.Advance(20 * time.Minute)
			w.ops = nil
			die := once(step, func() error { panic(crash{}) })
			if after {
				w.after = die
			} else {
				w.before = die
			}
			func() {
				defer func() {
					if r := recover(); r != nil {
						require.Equal(t, crash{}, r)
						w.restart()
					}
				}()
				_, err := w.consentBy(w.keeper, w.obtain)
				require.NoError(t, err)
			}()
			w.before, w.after = nil, nil
			saved := w.get(names.RefreshToken).Value
			for range 3 {
				w.clock.Advance(5 * time.Minute)
				_, ok := w.tick()
				require.True(t, ok)
			}
			info, known := w.em.Lookup(w.get(names.RefreshToken).Value)
			require.True(t, known)
			require.Equal(t, atlassiantest.StatusLive, info.Status, "step %d", step)
			was, _ := w.em.Lookup(saved)
			require.Equal(t, was.FamilyID, info.FamilyID, "what was saved first is kept")
			if _, err := w.consentBy(w.keeper, w.obtain); err != nil {
				// The lock of the dead process: free after two minutes and a rotation.
				w.clock.Advance(10 * time.Minute)
				w.tick()
				_, err = w.consentBy(w.keeper, w.obtain)
				require.NoError(t, err, "step %d after %v", step, after)
			}
			w.requireNewest("step %d after: %v", step, after)
		}
	}
}

// The store takes no writes once the tokens have arrived: they stay in memory,
// and the next tick or consent of the process saves them.
func TestConsentSurvivesAnOutageOfTheStore(t *testing.T) {
	for _, failing := range []string{"write REFRESH_TOKEN", "write ACCESS_TOKEN", "write TOKEN_FAMILY"} {
		w := newWorld(t)
		w.consent()
		w.want(rotation.Rotated)
		w.before = func(_ int, op string) error {
			if op == failing {
				return errFault
			}
			return nil
		}
		_, err := w.consentBy(w.keeper, w.obtain)
		var unsaved *rotation.ConsentUnsaved
		require.ErrorAs(t, err, &unsaved)
		w.before = nil
		w.clock.Advance(5 * time.Minute)
		w.want(rotation.Rotated)
		w.requireNewest(failing)
	}
}

func (w *world) lockedBy(in *family.Intent) {
	value := atlassian.NewSecret("locked_1764000000000")
	if in != nil {
		value = family.EncodeLock(w.clock.Now(), *in)
	}
	_, err := w.mem.Create(context.Background(), names.Lock, value, store.Plain)
	require.NoError(w.t, err)
}

func TestConsentAndLocks(t *testing.T) {
	spending := func(w *world) *family.Intent {
		return &family.Intent{Owner: "dead/1", Spending: family.FingerprintOf(w.get(names.RefreshToken).Value), FirstSpend: w.clock.Now()}
	}
	for _, c := range []struct {
		name string
		in   func(*world) *family.Intent
		// age of the lock when the consent comes.
		age  time.Duration
		busy bool
	}{
		{"fresh: waited for until it is stale, but its token is in doubt", spending, 0, true},
		{"a token in doubt inside the leeway is the refresher's", spending, 9 * time.Minute, true},
		{"its successor may still be saved", spending, 15 * time.Minute, true},
		{"nothing can be saved any more", spending, 21 * time.Minute, false},
		{"a dead consent, after waiting for two minutes", func(*world) *family.Intent { return &family.Intent{Owner: "dead/1", Consent: true} }, 0, false},
		{"a dead consent", func(*world) *family.Intent { return &family.Intent{Owner: "dead/1", Consent: true} }, 3 * time.Minute, false},
		{"psoxy's, and it may have spent the token", func(*world) *family.Intent { return nil }, 3 * time.Minute, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			w.want(rotation.Rotated)
			w.clock.Advance(time.Minute)
			w.lockedBy(c.in(w))
			w.clock.Advance(c.age)
			called := false
			_, err := w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (rotation.Grant, error) {
				called = true
				return w.obtain(ctx, s)
			})
			require.Equal(t, !c.busy, called, "%v", err)
			if c.busy {
				require.ErrorAs(t, err, new(*rotation.ConsentBusy))
				require.NotZero(t, w.get(names.Lock).Version, "another's lock stays")
				return
			}
			require.NoError(t, err)
			w.requireNewest()
		})
	}
}

// A consent that comes to nothing forgets nothing: the intent of a token in
// doubt survives it.
func TestRefusedConsentKeepsTheDoubt(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.want(rotation.Rotated)
	first := w.clock.Now()
	spending := family.FingerprintOf(w.get(names.RefreshToken).Value)
	w.lockedBy(&family.Intent{Owner: "dead/1", Spending: spending, FirstSpend: first})
	w.clock.Advance(30 * time.Minute)
	refusal := errors.New("refused")
	_, err := w.consentBy(w.keeper, func(context.Context, family.Snapshot) (rotation.Grant, error) { return rotation.Grant{}, refusal })
	require.Equal(t, refusal, err)
	lock := family.ParseLock(w.get(names.Lock))
	require.Equal(t, spending, lock.Intent.Spending)
	require.WithinDuration(t, first, lock.Intent.FirstSpend, time.Second)
	w.clock.Advance(5 * time.Minute)
	w.want(rotation.Replayed)
	w.requireKept()
}

// A refused consent leaves everything as it was, the lock included.
func TestRefusedConsentChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.want(rotation.Rotated)
	before := []store.Entry{w.get(names.RefreshToken), w.get(names.AccessToken), w.get(names.Family), w.get(names.CloudID)}
	_, err := w.consentBy(w.keeper, func(context.Context, family.Snapshot) (rotation.Grant, error) { return rotation.Grant{}, errFault })
	require.Equal(t, errFault, err)
	require.Equal(t, before, []store.Entry{w.get(names.RefreshToken), w.get(names.AccessToken), w.get(names.Family), w.get(names.CloudID)})
	require.Zero(t, w.get(names.Lock).Version)
}

func TestNoTimeNoConsent(t *testing.T) {
	w := newWorld(t)
	called := false
	ctx := invocation{context.Background(), w.clock.Now().Add(rotation.ConsentTime + family.SaveReserve - time.Millisecond)}
	_, err := w.keeper.Consent(ctx, rotation.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler),
		func(context.Context, family.Snapshot) (rotation.Grant, error) {
			called = true
			return rotation.Grant{}, errFault
		})
	require.ErrorAs(t, err, new(*rotation.ConsentBusy))
	require.False(t, called)
	require.Zero(t, w.get(names.Lock).Version)
}
