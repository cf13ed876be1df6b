// Package paced keeps a store's calls below the rates that Parameter Store
// allows an account and region, so that many connections are served at a steady
// pace instead of running into throttling.
package paced

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Rates are calls a second.
type Rates struct{ Reads, Writes float64 }

// Store is a store.Store whose Read, Create and Write wait for their turn. A
// rotation has one History at most, and one Delete for five writes: they do
// not wait.
type Store struct {
	store.Store
	reads, writes *rate.Limiter
}

// New paces s. A second's calls at most come at once.
func New(s store.Store, r Rates) *Store {
	limiter := func(perSecond float64) *rate.Limiter {
		return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
	}
	return &Store{Store: s, reads: limiter(r.Reads), writes: limiter(r.Writes)}
}

// perCall is how many names Parameter Store reads at once.
const perCall = 10

// Read implements store.Store.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	for range (len(names) + perCall - 1) / perCall {
		if err := wait(ctx, s.reads); err != nil {
			return nil, err
		}
	}
	return s.Store.Read(ctx, names...)
}

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	if err := wait(ctx, s.writes); err != nil {
		return 0, err
	}
	return s.Store.Create(ctx, name, value, kind)
}

// Write implements store.Store.
func (s *Store) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	if err := wait(ctx, s.writes); err != nil {
		return 0, err
	}
	return s.Store.Write(ctx, name, value, kind)
}

// wait waits for a turn, or returns an error of ctx where that ends before.
func wait(ctx context.Context, l *rate.Limiter) error {
	if l.Wait(ctx) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.DeadlineExceeded // the turn would come after it
}
