package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Grant is what a consent yielded: the first tokens of a new family.
type Grant struct {
	Token atlassian.Token
	// At is the family's birth: when the request for the tokens began, by the snapshot's clock.
	At time.Time
	// Account is the fingerprint of the account's id, empty if it is not known.
	Account family.Fingerprint
	// CloudID is the site to use, SiteURL its address. If CloudID is empty, CLOUD_ID stays.
	CloudID, SiteURL string
	// ID identifies the consent, so that its repetition can be answered, and
	// RedirectURI is where it returned to.
	ID, RedirectURI string
	// App is stored too, unless it is zero: the tokens are of another app than before.
	App atlassian.App
}

// ConsentBusyError is the error of a consent that another writer, or a lack of
// time, has kept from its turn. Nothing has happened.
type ConsentBusyError struct{ why string }

// Error says what was in the way.
func (e *ConsentBusyError) Error() string { return e.why }

// ConsentUnsavedError is the error of a consent whose grant is not in the ledger. Its tokens
// stay in memory, and any tick or consent of this process goes on saving them.
type ConsentUnsavedError struct{ Err error }

// Error gives the reason.
func (e *ConsentUnsavedError) Error() string {
	return "the received tokens are not saved: " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *ConsentUnsavedError) Unwrap() error { return e.Err }

// ConsentTime is what a consent may take between its announcement and its entry:
// one token request, and two reads of the API.
const ConsentTime = family.PostTimeout + 15*time.Second

// A consent waits for psoxy's lock for lockPatience, and looks every lockPause. Psoxy
// holds it for ten seconds at most, and leaves it behind for two minutes when it
// dies; a code lives for a few.
const (
	lockPatience = 15 * time.Second
	lockPause    = 3 * time.Second
)

// Consent replaces a connection's token family by the one that obtain yields.
//
// It first appends an entry that changes nothing. This proves that the ledger and its
// key take writes, before an authorization code is spent. What obtain returns is saved as
// one entry, even if ctx is cancelled, until the invocation's deadline. Then the copies are
// published; any later tick repairs a failed one. A rotation at the same time finds the new
// family when it settles, and drops its own tokens. An error of obtain is returned as it is,
// and nothing that is in use has changed.
func (k *Keeper) Consent(ctx context.Context, conn family.Connection, log *slog.Logger,
	obtain func(context.Context, family.Snapshot) (Grant, error)) (family.Record, error) {
	t := consenting{k.open(ctx, conn, log)}
	defer t.memory.mu.Unlock()
	defer t.unlock(ctx)
	v, err := t.announce(ctx)
	if err != nil {
		return family.Record{}, err
	}
	if need := ConsentTime + family.SaveReserve; !t.clock.left(need) {
		return family.Record{}, &ConsentBusyError{fmt.Sprintf("less than %s are left of this invocation, too little for a consent: raise the function's time-out", need)}
	}
	ctx, cancel := t.clock.uncancelled(ctx)
	defer cancel()
	v.Now = t.clock.now()
	grant, err := obtain(ctx, v.Snapshot)
	if err != nil {
		return family.Record{}, err
	}
	return t.establish(ctx, v, grant)
}

// Alone calls do while nobody else is at work. Where psoxy rotates too, it holds psoxy's lock.
// It first appends an entry that changes nothing, but begins no ledger. It returns a
// *ConsentBusyError while others are at work, or else the error of do.
func (k *Keeper) Alone(ctx context.Context, conn family.Connection, log *slog.Logger, do func(context.Context, family.Snapshot) error) error {
	t := consenting{k.open(ctx, conn, log)}
	defer t.memory.mu.Unlock()
	defer t.unlock(ctx)
	v, err := t.lookAlone(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("reading the parameters failed: %w", err)
	case v.Shared() && t.lock == nil:
		return &ConsentBusyError{t.names.Lock + " is held by psoxy: try again in two minutes"}
	case !v.State.Empty():
		if v, err = t.announce(ctx); err != nil {
			return err
		}
	}
	return do(ctx, v.Snapshot)
}

// PublishApp stores the app that a consent has left in the ledger, because its process ended
// or the parameters took no writes. A failure is logged, and the app is used from the ledger.
// Ticks may not write the app's parameters.
func (k *Keeper) PublishApp(ctx context.Context, conn family.Connection, log *slog.Logger) {
	t := consenting{k.open(ctx, conn, log)}
	defer t.memory.mu.Unlock()
	v, err := t.look(ctx)
	if err != nil {
		t.log.Error("a consent's app is not published", "error", err)
		return
	}
	t.publishApp(ctx, &v)
}

// consenting is a tick in which a person consents.
type consenting struct{ *tick }

// announce appends an entry that says what the last one says, and looks again: from
// then on a rotation that is under way knows of it.
func (t consenting) announce(ctx context.Context) (view, error) {
	for range fewAttempts {
		v, err := t.lookAlone(ctx)
		if err != nil {
			return view{}, fmt.Errorf("reading the parameters failed: %w", err)
		}
		switch _, err = t.append(ctx, v.base, v.State); {
		case err == nil:
			if v, err = t.look(ctx); err != nil { // what was read may have changed before
				return view{}, fmt.Errorf("reading the parameters failed: %w", err)
			}
			return t.saveHeld(ctx, v)
		case !errors.Is(err, ledger.ErrOvertaken):
			return view{}, fmt.Errorf("%s cannot be written: %w", t.names.Ledger, err)
		}
	}
	return view{}, &ConsentBusyError{"other processes keep writing to " + t.names.Ledger}
}

// saveHeld saves a consent that this process has received and could not save, and looks
// again. If a newer one is saved, or only copies fail, nothing is left to save. A pair
// without an access token cannot be published.
func (t consenting) saveHeld(ctx context.Context, v view) (view, error) {
	held := v.Held
	if held == nil || !held.Record.FreshConsent() || held.Pair.Access.IsZero() {
		return v, nil
	}
	ctx, cancel := t.clock.uncancelled(ctx)
	defer cancel()
	if _, err := t.putInUse(ctx, v, held); errors.As(err, new(*ConsentUnsavedError)) {
		return view{}, &ConsentBusyError{"the consent before this one is not saved yet: " + err.Error()}
	}
	v, err := t.look(ctx)
	if err != nil {
		return view{}, fmt.Errorf("reading the parameters failed: %w", err)
	}
	return v, nil
}

// lookAlone looks at the connection. If psoxy rotates too, it takes psoxy's lock first:
// otherwise psoxy could write after the consent's copies. It waits for the lock only while
// the code stays fresh.
func (t consenting) lookAlone(ctx context.Context) (view, error) {
	for until := t.clock.local().Add(lockPatience); ; {
		v, err := t.look(ctx)
		if err != nil || !v.Shared() || t.lock != nil {
			return v, err
		}
		held := v.Lock.Version > 0 && !psoxy.Ours(v.Lock.Value) && family.Within(v.Lock.Modified, v.Now, family.Lease)
		if !held && t.takeLock(ctx, v, family.Decision{}) == nil {
			continue // what was read may have changed before
		}
		if !t.clock.local().Before(until) {
			t.log.Warn("psoxy's lock is not to be had, and the consent goes on without it")
			return v, nil
		}
		t.Sleep(ctx, lockPause)
	}
}

func (t consenting) establish(ctx context.Context, v view, g Grant) (family.Record, error) {
	at := g.At
	if now := t.clock.now(); at.After(now) {
		at = now
	}
	pair := family.Pair{Refresh: g.Token.Refresh, Access: g.Token.Access, Scopes: g.Token.Scopes,
		SpentAt: at, AccessExpiresAt: at.Add(g.Token.ExpiresIn)}
	r := v.Consented(pair, t.conn.Policy)
	r.Record.Account, r.Record.CloudID, r.Record.SiteURL = g.Account, g.CloudID, g.SiteURL
	r.Record.Consent, r.Record.RedirectURI = g.ID, g.RedirectURI
	if g.App.ClientID != "" {
		r.App, r.Record.Client = &g.App, family.FingerprintOf(atlassian.NewSecret(g.App.ClientID))
	}
	return t.putInUse(ctx, v, r)
}

func (t consenting) putInUse(ctx context.Context, v view, r *family.Receipt) (family.Record, error) {
	t.memory.access = r.Pair.Access
	v, err := t.save(ctx, v, r)
	switch {
	case errors.Is(err, errNewer):
		return family.Record{}, &ConsentBusyError{"a newer consent was saved at the same time, and stays"}
	case err != nil:
		t.log.Error("a consent could not be saved", "error", err)
		return family.Record{}, &ConsentUnsavedError{err}
	}
	t.publishApp(ctx, &v)
	out := t.publish(ctx, v, family.Decision{}, Outcome{Action: Idle})
	if !out.Action.Healthy() {
		t.log.Error("the consent is saved, but not all of its copies are published; later ticks make that good", "reason", out.Reason)
	}
	t.log.Info("a new consent is in use", "scopes", v.State.Record.Scopes)
	return v.State.Record, nil
}

// publishApp stores a consent's app in its parameters, and then takes it out of the ledger:
// from then on people correct the parameters.
func (t consenting) publishApp(ctx context.Context, v *view) {
	if v.State.App == nil {
		return
	}
	app := v.App() // with what a person has stored since
	for _, p := range []publication{
		{name: t.names.ClientID, value: atlassian.NewSecret(app.ClientID), kind: store.Encrypted},
		{name: t.names.ClientSecret, value: app.ClientSecret, kind: store.Encrypted},
	} {
		if p = t.put(ctx, *v, p); p.err != nil {
			return // it is used from the ledger
		}
	}
	state := v.State
	state.App = nil
	if entry, err := t.append(ctx, v.base, state); err == nil {
		v.State, v.base = state, entry
	}
}
