package psoxy

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// LockName is the name of psoxy's lock after the connection's prefix.
const LockName = "OAUTH_REFRESH_TOKEN_lock"

const (
	// LockStale is the age, by the store's clock, at which psoxy deletes
	// anybody's lock.
	LockStale = 2 * time.Minute
	// lockSettles is the wait after creating the lock: psoxy looks after at most
	// 300 ms whether what it wrote still stands.
	lockSettles = 3 * time.Second
	// releaseMargin is kept free for the delete to arrive.
	releaseMargin = 15 * time.Second
)

var (
	// ErrLocked: another process holds the lock.
	ErrLocked = errors.New("another process holds it")
	// ErrHeldTooLong: the lock may be another's by now, so it is not deleted.
	ErrHeldTooLong = errors.New("it was held for too long to be surely ours")
)

// Lock is psoxy's lock, held by this process.
type Lock struct {
	// Value is the lock's text.
	Value atlassian.Secret
	store store.Store
	name  string
}

// Ours reports whether a lock's value is one of ours: psoxy's form, and a mark. Ours keeps
// psoxy out. Ticks and consents keep each other out by the ledger: another tick takes such
// a lock over once its holder had time to write there, and a consent does at once.
func Ours(value atlassian.Secret) bool {
	at, mark, _ := strings.Cut(strings.TrimPrefix(value.Reveal(), "locked_"), " ")
	return strings.HasPrefix(value.Reveal(), "locked_") && at != "" && strings.Trim(at, "0123456789") == "" && mark != ""
}

// TakeLock takes the lock as psoxy does: it creates the parameter, waits, and
// checks that its own value is still there. One that was found left behind is deleted
// first. now is the store's time, mark unique to this attempt. other is the lock that
// another process held instead; its Version is 0 if none was seen.
func TakeLock(ctx context.Context, s store.Store, name string, left bool, now time.Time, mark string, sleep func(context.Context, time.Duration)) (taken *Lock, other store.Entry, err error) {
	l := &Lock{store: s, name: name, Value: atlassian.NewSecret("locked_" + strconv.FormatInt(now.UnixMilli(), 10) + " " + mark)}
	if left {
		if err := s.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, other, err
		}
	}
	_, err = s.Create(ctx, name, l.Value, store.Plain)
	if errors.Is(err, store.ErrExists) {
		if found, err := s.Read(ctx, name); err == nil && found[name].Value != l.Value {
			other = found[name]
		}
	} else if err != nil {
		return nil, other, err
	}
	sleep(ctx, lockSettles)
	if err := l.Check(ctx); err != nil {
		return nil, other, err
	}
	return l, other, nil
}

// Release deletes the lock that was held for the given time. One that is not
// surely ours any more is left alone.
func (l *Lock) Release(ctx context.Context, held time.Duration) error {
	if held > LockStale-releaseMargin {
		return ErrHeldTooLong
	}
	if err := l.Check(ctx); err != nil {
		return err
	}
	return l.store.Delete(ctx, l.name)
}

// Check reads whether the lock is still ours.
func (l *Lock) Check(ctx context.Context) error {
	found, err := l.store.Read(ctx, l.name)
	if err == nil && found[l.name].Value != l.Value {
		err = ErrLocked
	}
	return err
}
