package consent_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// steps numbers every call that a process makes to the store and to Atlassian,
// and lets something happen around one of them.
type steps struct {
	store.Store
	client *atlassian.Client
	// ops names the calls so far.
	ops []string
	// before and after are called around each with its number.
	before, after func(n int) error
	// sleep is called when the process waits.
	sleep func(time.Duration)
}

var errLost = errors.New("the answer was lost")

// crash is the panic of a killed process.
type crash struct{}

func step[T any](s *steps, op string, do func() (T, error)) (T, error) {
	var none T
	n := len(s.ops)
	s.ops = append(s.ops, op)
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
	return step(s, "read", func() (map[string]store.Entry, error) { return s.Store.Read(ctx, names...) })
}

func (s *steps) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	return step(s, "history", func() ([]store.Entry, error) { return s.Store.History(ctx, name, from) })
}

func (s *steps) Create(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	return step(s, "create "+plain(name), func() (int64, error) { return s.Store.Create(ctx, name, v, k) })
}

func (s *steps) Write(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	return step(s, "write "+plain(name), func() (int64, error) { return s.Store.Write(ctx, name, v, k) })
}

func (s *steps) Delete(ctx context.Context, name string) error {
	_, err := step(s, "delete "+plain(name), func() (struct{}, error) { return struct{}{}, s.Store.Delete(ctx, name) })
	return err
}

func plain(name string) string { return strings.TrimPrefix(name, connA) }

// remote is a call to Atlassian: a failed step is a lost answer.
func remote[T any](s *steps, op string, do func() (T, error)) (T, error) {
	v, err := step(s, op, do)
	if errors.Is(err, errLost) {
		return v, &atlassian.Error{Op: "test", Class: atlassian.Ambiguous, Sent: true, Err: err}
	}
	return v, err
}

func (s *steps) Exchange(ctx context.Context, app atlassian.App, code atlassian.Secret, uri string) (atlassian.Token, error) {
	return remote(s, "exchange", func() (atlassian.Token, error) { return s.client.Exchange(ctx, app, code, uri) })
}

func (s *steps) AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error) {
	return remote(s, "resources", func() ([]atlassian.Resource, error) { return s.client.AccessibleResources(ctx, access) })
}

func (s *steps) Get(ctx context.Context, access atlassian.Secret, path string) (*atlassian.Response, error) {
	return remote(s, "get", func() (*atlassian.Response, error) { return s.client.Get(ctx, access, path) })
}

// stepped puts the seam below the service, in a new process.
func (w *world) stepped(process string) *steps {
	s := &steps{Store: w.mem, client: &w.api}
	s.sleep = func(d time.Duration) { w.clock.Advance(d) }
	w.config.Store, w.config.Atlassian = s, s
	w.config.Keeper = keeper.New(keeper.Config{Store: s, Token: s.client, Now: w.clock.Now, Process: process, Together: inTurn,
		Sleep: func(_ context.Context, d time.Duration) { s.sleep(d) }})
	w.service = consent.New(w.config)
	return s
}

// inTurn makes every run number its steps alike.
func inTurn(tasks ...func()) {
	for _, task := range tasks {
		task()
	}
}

// attempt completes, and reports a crash as an error.
func (w *world) attempt(r consent.CompleteRequest) (done consent.Completed, err error) {
	defer func() {
		if p := recover(); p != nil {
			require.Equal(w.t, crash{}, p)
			err = errors.New("crashed")
		}
	}()
	return w.complete(r)
}
