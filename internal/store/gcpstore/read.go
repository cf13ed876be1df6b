package gcpstore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// sideBySide is how many calls a Read or a History makes at once.
const sideBySide = 16

// Read implements store.Store: for each name one GetSecretVersion and two
// AccessSecretVersion, side by side; more where `latest` lags behind. One
// AccessSecretVersion is enough where this process knows the newest version.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	for _, name := range names {
		if err := s.check(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var clock clock
	entries := make([]*store.Entry, len(names))
	err := each(ctx, len(names), func(ctx context.Context, i int) (err error) {
		if secret, ok := lockSecret(names[i]); ok {
			entries[i], err = s.readLock(ctx, names[i], secret, &clock)
			return err
		}
		v, err := s.newest(ctx, names[i], &clock)
		if err == nil && v.number > 0 {
			entries[i], err = v.entry(names[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]store.Entry, len(names))
	for i, e := range entries {
		if e != nil {
			e.ReadAt = clock.latest()
			found[names[i]] = *e
		}
	}
	return found, nil
}

// History implements store.Store. It shows as many versions as are kept, those that
// somebody destroyed among them; of a chain the last hundred.
func (s *Store) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	if err := s.check(ctx, name); err != nil {
		return nil, err
	}
	var clock clock
	if secret, ok := lockSecret(name); ok {
		e, err := s.readLock(ctx, name, secret, &clock)
		if e == nil || from > e.Version {
			return nil, err
		}
		e.ReadAt = clock.latest()
		return []store.Entry{*e}, err
	}
	newest, err := s.newest(ctx, name, &clock)
	if err != nil {
		return nil, err
	}
	_, shown := s.kept(name)
	first := max(1, from, newest.number-shown+1)
	if newest.number < first {
		return nil, nil
	}
	versions, err := s.versions(ctx, name, first, newest, &clock)
	if err != nil {
		return nil, err
	}
	var entries []store.Entry
	for _, v := range versions {
		if v.closed && v.number <= s.expendable(name, newest.number) {
			v.state = secretmanagerpb.SecretVersion_DESTROYED // this store has destroyed it, even if Google does not say so yet
		}
		e, err := v.entry(name)
		if err != nil {
			return nil, err
		}
		e.ReadAt = clock.latest()
		entries = append(entries, *e)
	}
	return entries, nil
}

// newest finds the newest version: from `latest`, which may lag behind, or from what
// this process has seen, it goes on by number. The zero version means that there is
// none.
func (s *Store) newest(ctx context.Context, name string, clock *clock) (version, error) {
	known := s.memory.seen(name)
	if same, err := s.unchanged(ctx, name, known, clock); same || err != nil {
		return known, err
	}
	latest, err := s.api.describe(ctx, name, "latest", clock)
	if err != nil {
		return version{}, err
	}
	var v version
	// None of both may exist: it was deleted, and perhaps begun again.
	for _, from := range slices.Compact([]int64{max(known.number, latest.number), latest.number, 0}) {
		exists := false
		if v, exists, err = s.api.last(ctx, name, from, clock); err != nil {
			return version{}, err
		}
		if exists {
			break
		}
	}
	switch {
	case v.number == 0:
	case v.number == latest.number && !v.closed:
		v.state, v.at = latest.state, latest.at
	default:
		err = s.complete(ctx, name, &v, clock)
	}
	s.memory.see(name, v)
	return v, err
}

// unchanged reports whether a version that this process knows is still the newest:
// Google tells that it is enabled and was added at the same time, and no other
// follows. What it holds cannot have changed, and is not read again.
func (s *Store) unchanged(ctx context.Context, name string, known version, clock *clock) (bool, error) {
	if known.value.IsZero() || known.at.IsZero() {
		return false, nil
	}
	var now version
	next, follows := version{number: known.number + 1}, false
	err := each(ctx, 2, func(ctx context.Context, i int) (err error) {
		if i == 0 {
			now, err = s.api.describe(ctx, name, strconv.FormatInt(known.number, 10), clock)
		} else {
			follows, err = s.api.access(ctx, name, &next, clock)
		}
		return err
	})
	return err == nil && !follows && now.state == secretmanagerpb.SecretVersion_ENABLED && now.at.Equal(known.at), err
}

// versions are those from the given one to the newest, in ascending order.
func (s *Store) versions(ctx context.Context, name string, first int64, newest version, clock *clock) ([]version, error) {
	all := make([]version, newest.number-first+1)
	for i := range all {
		all[i].number = first + int64(i)
	}
	all[len(all)-1] = newest
	if len(all) > 4 {
		err := s.api.list(ctx, name, clock, func(v version) bool {
			if i := v.number - first; i >= 0 && i < int64(len(all)-1) {
				all[i].state, all[i].at = v.state, v.at
			}
			return v.number > first
		})
		if err != nil {
			return nil, err
		}
	}
	return all, each(ctx, len(all)-1, func(ctx context.Context, i int) error {
		v := &all[i]
		if v.state == secretmanagerpb.SecretVersion_DESTROYED {
			return nil
		}
		if _, err := s.api.access(ctx, name, v, clock); err != nil {
			return err
		}
		if v.state == secretmanagerpb.SecretVersion_STATE_UNSPECIFIED || v.closed {
			return s.complete(ctx, name, v, clock)
		}
		return nil
	})
}

// complete adds to a version what is not in its payload. When it was written must
// be known. A keeper uses it to decide whether another one is still at work, and
// whether a token may be presented again. A version whose metadata have not
// propagated, and that this process has not written, makes the read fail.
func (s *Store) complete(ctx context.Context, name string, v *version, clock *clock) error {
	described, err := s.api.describe(ctx, name, strconv.FormatInt(v.number, 10), clock)
	switch {
	case err != nil:
		return err
	case described.number > 0:
		v.state, v.at = described.state, described.at
		return nil
	}
	if at, ok := s.memory.writtenAt(name, v.number); ok {
		v.at = at
		return nil
	}
	return fmt.Errorf("%s: version %d is there, and Secret Manager does not tell yet when it was added; try again", name, v.number)
}

// each runs do for 0 to n-1, some side by side, and returns the first error.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	room := make(chan struct{}, sideBySide)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			if ctx.Err() != nil {
				return
			}
			if err := do(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
