package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Grant is what a consent yielded: the first tokens of a new family.
type Grant struct {
	Token atlassian.Token
	// At is when the request began that yielded them: the family's birth.
	At time.Time
	// Account is the fingerprint of the account's id, empty if it is not known.
	Account family.Fingerprint
	// CloudID is the site to use, SiteURL its address; CLOUD_ID stays as it is
	// where the first is empty.
	CloudID, SiteURL string
	// App is stored too, unless it is zero: the tokens are of another app than before.
	App atlassian.App
}

// ConsentBusy is the error of a consent that could not get the lock in time.
// Nothing has happened.
type ConsentBusy struct{ why string }

// Error says who has the lock.
func (e *ConsentBusy) Error() string { return e.why }

// ConsentUnsaved is the error of a consent whose grant is not, or not
// completely, saved. Its tokens are kept in memory, and any tick or consent of
// this process goes on saving them.
type ConsentUnsaved struct{ Err error }

// Error gives the reason.
func (e *ConsentUnsaved) Error() string {
	return "the received tokens are not all saved: " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *ConsentUnsaved) Unwrap() error { return e.Err }

// Consent replaces a connection's token family by the one that obtain yields.
//
// It takes the lock first, as a rotation does, and waits for it: when obtain is
// called the store takes writes, nobody else is rotating, no token is in doubt
// that could still be saved, and the time left is enough for obtain (for which
// ConsentTime is reckoned) and for saving. What obtain returns is saved whatever
// becomes of ctx, each parameter until the invocation's deadline, and put on top
// of what a rotation under way may have written. An error of obtain is returned
// as it is, and nothing that is in use has changed.
//
// The snapshot that obtain gets was read under the lock.
func (k *Keeper) Consent(ctx context.Context, conn Connection, log *slog.Logger,
	obtain func(context.Context, family.Snapshot) (Grant, error)) (family.Record, error) {
	t := k.open(ctx, conn, log)
	defer t.state.mu.Unlock()
	s, in, l, err := t.await(ctx)
	if err != nil {
		return family.Record{}, err
	}
	ctx, cancel := t.lasting(ctx)
	defer cancel()
	grant, err := obtain(ctx, s)
	if err != nil {
		if in.Spending == "" { // else the lock keeps what is known of a token in doubt
			t.release(ctx, l)
		}
		return family.Record{}, err
	}
	return t.saveConsent(ctx, s, l, grant)
}

// ConsentTime is what a consent may take between getting the lock and saving:
// one token request, and two reads of the API.
const ConsentTime = family.PostTimeout + 15*time.Second

// How long a consent waits for the lock, and how often it looks. A rotation
// takes seconds; a lock whose owner died is stale after two minutes.
const (
	lockPatience = family.LockStale + 10*time.Second
	lockPause    = 2 * time.Second
)

// await takes the lock, and waits while another has it.
func (t *tick) await(ctx context.Context) (family.Snapshot, family.Intent, lease, error) {
	none := func(err error) (family.Snapshot, family.Intent, lease, error) {
		return family.Snapshot{}, family.Intent{}, lease{}, err
	}
	begun := t.Now()
	for {
		s, err := t.read(ctx)
		if err != nil {
			return none(fmt.Errorf("reading the parameters failed: %w", err))
		}
		in, wait := s.ConsentLock(t.Now(), t.conn.Policy)
		if wait == "" {
			l, err := t.take(ctx, s, in)
			if err == nil {
				if err = t.timeForConsent(l); err == nil {
					return s, in, l, nil
				}
				if in.Spending == "" {
					t.release(ctx, l)
				}
				return none(&ConsentBusy{err.Error()})
			}
			var lost errLost
			if !errors.As(err, &lost) {
				return none(fmt.Errorf("the lock cannot be taken: %w", err))
			}
			wait = lost.why
		}
		if elapsed(begun, t.Now()) > lockPatience || !t.left(lockPause+ConsentTime+family.SaveReserve) || ctx.Err() != nil {
			return none(&ConsentBusy{wait})
		}
		t.Sleep(ctx, lockPause)
	}
}

// timeForConsent reports, at this very moment, whether lease and invocation
// have time left for the consent and for saving it.
func (t *tick) timeForConsent(l lease) error {
	const need = ConsentTime + family.SaveReserve
	if held := elapsed(l.since, t.Now()); held+need > family.LockStale {
		return fmt.Errorf("the lock is held for %s already, too long to begin a consent under it", held.Round(time.Second))
	}
	if !t.left(need) {
		return fmt.Errorf("less than %s are left of this invocation, too little for a consent: raise the function's time-out", need)
	}
	return nil
}

// saveConsent saves the app, the pair, the record and the site, in this order.
// An app that is not saved would make its tokens useless, so it goes first;
// that makes the old family's token useless a moment earlier.
func (t *tick) saveConsent(ctx context.Context, s family.Snapshot, l lease, g Grant) (family.Record, error) {
	pair := family.Pair{Refresh: g.Token.Refresh, Access: g.Token.Access, Scopes: g.Token.Scopes,
		SpentAt: g.At, AccessExpiresAt: g.Token.ExpiresAt(g.At)}
	born := g.At
	if elapsed(l.since, t.Now()) > family.LockStale {
		// This process was paused and lost the lock: what was adopted meanwhile is older all the same.
		born = t.Now()
	}
	record := family.Consented(t.conn.Name, pair, born, t.conn.Policy, s.Family)
	record.Account, record.CloudID, record.SiteURL = g.Account, g.CloudID, g.SiteURL
	h := &family.Held{Pair: pair, Record: record, Spent: s.Token(), Locked: l.locked,
		RefreshVersion: l.version, AccessVersion: s.AccessToken.Version, FamilyVersion: s.FamilyVersion}

	kept := true
	for _, save := range []func() error{
		func() error {
			return t.put(ctx, t.names.ClientID, atlassian.NewSecret(g.App.ClientID), store.Encrypted)
		},
		func() error { return t.put(ctx, t.names.ClientSecret, g.App.ClientSecret, store.Encrypted) },
		func() (err error) {
			t.state.held = h // a pair of the old family has no worth any more
			kept, err = t.saveRefresh(ctx, &l, h)
			return err
		},
		func() (err error) { kept, err = t.saveAccess(ctx, h); return err },
		func() error { return t.saveRecord(ctx, record, h.FamilyVersion, untilDeadline) },
		func() error { return t.put(ctx, t.names.CloudID, atlassian.NewSecret(g.CloudID), store.Plain) },
	} {
		if err := save(); err != nil {
			t.log.Error("a consent could not be saved completely", "error", err)
			return family.Record{}, &ConsentUnsaved{err}
		}
		if !kept {
			break
		}
	}
	t.state.held = nil
	t.release(ctx, l)
	if !kept {
		return family.Record{}, &ConsentBusy{"a newer consent was stored at the same time, and stays"}
	}
	t.log.Info("a new consent is in use", "generation", 0, "scopes", record.Scopes)
	return record, nil
}

// put writes a parameter that only consents write; an empty value is none.
func (t *tick) put(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) error {
	if value.IsZero() {
		return nil
	}
	_, err := t.write(ctx, name, value, kind, untilDeadline)
	return err
}
