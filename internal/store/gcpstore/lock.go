package gcpstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// lockSecret is the name whose secret has psoxy's lock as a label; ok is false for
// another parameter.
func lockSecret(name string) (secret string, ok bool) {
	connection, ok := strings.CutSuffix(name, psoxy.LockName)
	return connection + psoxy.LockSecret, ok
}

// readLock reads psoxy's lock: a label that holds when it was taken. Its value is
// as on AWS; where this process took it, with its mark.
func (s *Store) readLock(ctx context.Context, name, secret string, at *clock) (*store.Entry, error) {
	found, err := s.api.get(ctx, secret, at)
	if codeOf(err) == codes.NotFound || err == nil && found.GetLabels()[psoxy.LockLabel] == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	taken := found.GetLabels()[psoxy.LockLabel]
	milliseconds, _ := strconv.ParseInt(taken, 10, 64) // one that is no time is stale
	e := &store.Entry{Value: atlassian.NewSecret("locked_" + taken), Version: 1, Modified: time.UnixMilli(milliseconds).UTC(), Kind: store.Plain}
	if mine := s.memory.lock(name); !mine.IsZero() && takenAt(mine) == taken {
		e.Value = mine
	}
	return e, nil
}

// takenAt is the time in a lock's value, as the label holds it.
func takenAt(value atlassian.Secret) string {
	at, _, _ := strings.Cut(strings.TrimPrefix(value.Reveal(), "locked_"), " ")
	return at
}

// lock takes psoxy's lock, under the secret's etag; over another's only if asked.
func (s *Store) lock(ctx context.Context, name, secret string, value atlassian.Secret, over bool) (int64, error) {
	at := takenAt(value)
	if _, err := strconv.ParseInt(at, 10, 64); err != nil {
		return 0, fmt.Errorf("%s: a lock's value is locked_ and the time in milliseconds: %w", name, store.ErrUnwritable)
	}
	s.memory.took(name, value)
	err := s.api.relabel(ctx, name, secret, func(labels map[string]string) error {
		if labels[psoxy.LockLabel] == at {
			return errAsItIs
		}
		if labels[psoxy.LockLabel] != "" && !over {
			return fmt.Errorf("%s: %w", name, store.ErrExists)
		}
		labels[psoxy.LockLabel] = at
		return nil
	})
	if codeOf(err) == codes.NotFound {
		err = s.api.create(ctx, secret, map[string]string{psoxy.LockLabel: at})
	}
	if errors.Is(err, store.ErrExists) {
		s.memory.took(name, atlassian.Secret{})
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// unlock removes psoxy's lock.
func (s *Store) unlock(ctx context.Context, name, secret string) error {
	held := false
	err := s.api.relabel(ctx, name, secret, func(labels map[string]string) error {
		if labels[psoxy.LockLabel] == "" {
			return errAsItIs
		}
		held = true
		delete(labels, psoxy.LockLabel)
		return nil
	})
	if err == nil && !held {
		return fmt.Errorf("%s: %w", name, store.ErrNotFound)
	}
	return err
}
