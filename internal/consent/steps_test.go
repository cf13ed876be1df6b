package consent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// steps numbers every call that a process makes to the store and to Atlassian,
// and lets something happen around one of them.
type steps struct {
	store.Store
	client *atlassian.Client
	n      int
	before func(n int) error
	after  func(n int) error
}

var errLost = errors.New("the answer was lost")

// crash is the panic of a killed process.
type crash struct{}

func step[T any](s *steps, do func() (T, error)) (T, error) {
	var none T
	n := s.n
	s.n++
	if s.before != nil {
		if err := s.before(n); err != nil {
			return none, err
		}
	}
	v, err := do()
	if s.after != nil {
		if lost := s.after(n); lost != nil {
			return none, lost
		}
	}
	return v, err
}

func (s *steps) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	return step(s, func() (map[string]store.Entry, error) { return s.Store.Read(ctx, names...) })
}

func (s *steps) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	return step(s, func() ([]store.Entry, error) { return s.Store.History(ctx, name, from) })
}

func (s *steps) Create(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	return step(s, func() (int64, error) { return s.Store.Create(ctx, name, v, k) })
}

func (s *steps) Write(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	return step(s, func() (int64, error) { return s.Store.Write(ctx, name, v, k) })
}

func (s *steps) Delete(ctx context.Context, name string) error {
	_, err := step(s, func() (struct{}, error) { return struct{}{}, s.Store.Delete(ctx, name) })
	return err
}

// remote is an error of Atlassian's: a failed step is a lost answer.
func remote[T any](s *steps, do func() (T, error)) (T, error) {
	v, err := step(s, do)
	if errors.Is(err, errLost) {
		return v, &atlassian.Error{Op: "test", Class: atlassian.Ambiguous, Sent: true, Err: err}
	}
	return v, err
}

func (s *steps) Exchange(ctx context.Context, app atlassian.App, code atlassian.Secret, uri string) (atlassian.Token, error) {
	return remote(s, func() (atlassian.Token, error) { return s.client.Exchange(ctx, app, code, uri) })
}

func (s *steps) AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error) {
	return remote(s, func() ([]atlassian.Resource, error) { return s.client.AccessibleResources(ctx, access) })
}

func (s *steps) Get(ctx context.Context, access atlassian.Secret, path string) (*atlassian.Response, error) {
	return remote(s, func() (*atlassian.Response, error) { return s.client.Get(ctx, access, path) })
}

// TestEveryStepOfACompletion: at each call of a completion, one of five things
// happens. Whatever becomes of it, the token in use is alive all the time, the
// same request or else a new consent succeeds, and what is kept is its family.
func TestEveryStepOfACompletion(t *testing.T) {
	total := 1
	for _, kind := range []string{"a tick in between", "fails", "answer lost", "crash before", "crash after"} {
		for at := 0; at < total; at++ {
			w := newWorld(t)
			s := &steps{Store: w.mem, client: w.config.Atlassian.(*atlassian.Client)}
			w.config.Store, w.config.Atlassian = s, s
			w.restartOn(s, "first")
			w.consented(connA)
			w.clock.Advance(40 * time.Minute)
			begun := w.begin(connA)
			request := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL)}
			refresher := keeper.New(keeper.Config{Store: w.mem, Token: s.client, Now: w.clock.Now, Process: "refresher",
				Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }})
			tick := func() {
				refresher.Tick(context.Background(), w.config.Connections[0], slog.New(slog.DiscardHandler))
			}
			s.n = 0
			once := func(do func() error) func(int) error {
				return func(n int) error {
					if n != at {
						return nil
					}
					s.before, s.after = nil, nil
					return do()
				}
			}
			switch kind {
			case "fails":
				s.before = once(func() error { return errLost })
			case "answer lost":
				s.after = once(func() error { return errLost })
			case "crash before":
				s.before = once(func() error { panic(crash{}) })
			case "crash after":
				s.after = once(func() error { panic(crash{}) })
			default:
				s.before = once(func() error { tick(); return nil })
			}
			name := fmt.Sprintf("%s at step %d", kind, at)
			err := w.attempt(request)
			if kind == "a tick in between" {
				require.NoError(t, err, name)
				total = s.n
			}
			w.requireLive(name)
			s.before, s.after = nil, nil
			for range 3 {
				if err == nil {
					break
				}
				w.restartOn(s, "second"+name)
				w.clock.Advance(150 * time.Second) // a lock left behind goes stale
				tick()
				w.requireLive(name)
				err = w.attempt(request)
			}
			if err != nil {
				var e *consent.Error
				require.ErrorAs(t, err, &e, name)
				require.Contains(t, []consent.ErrorType{consent.ConsentExpired, consent.CodeRefused}, e.Type, "%s: %v", name, err)
				_, err = w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)})
				require.NoError(t, err, name)
			}
			for range 15 {
				w.requireLive(name)
				w.clock.Advance(5 * time.Minute)
				tick()
			}
			fams := w.em.Families()
			info, _ := w.em.Lookup(atlassian.NewSecret(w.get(namesA.RefreshToken)))
			require.Equal(t, fams[len(fams)-1].ID, info.FamilyID, name)
			require.Contains(t, w.get(namesA.Family), `"authorized_at_source":"consent"`, name)
			require.Empty(t, w.get(namesA.ConsentState), name)
		}
	}
	require.Greater(t, total, 12, "of a completion's steps")
}

// restartOn is a new process on the counted steps.
func (w *world) restartOn(s *steps, process string) {
	w.config.Keeper = keeper.New(keeper.Config{Store: s, Token: s.client, Now: w.clock.Now, Process: process,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }})
	w.service = consent.New(w.config)
}

// attempt completes, and reports a crash as an error.
func (w *world) attempt(r consent.CompleteRequest) (err error) {
	defer func() {
		if p := recover(); p != nil {
			require.Equal(w.t, crash{}, p)
			err = errors.New("crashed")
		}
	}()
	_, err = w.complete(r)
	return err
}

// requireLive checks that the refresh token in the store works.
func (w *world) requireLive(msg string) {
	w.t.Helper()
	info, known := w.em.Lookup(atlassian.NewSecret(w.get(namesA.RefreshToken)))
	require.True(w.t, known, msg)
	require.Equal(w.t, atlassiantest.StatusLive, info.Status, msg)
}
