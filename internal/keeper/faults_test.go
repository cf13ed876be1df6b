package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// faults are what strikes a keeper's calls, and the list of these calls.
type faults struct {
	mu sync.Mutex
	// ops are the operations of the keeper so far; before and after are called
	// around each with its number, and may fail it or crash the process.
	ops           []string
	before, after func(n int, op string) error
	// unreadable and unwritable are names to which access is denied, or that take no
	// write for another reason.
	unreadable, unwritable map[string]error
}

// crash is the panic of a killed process.
type crash struct{}

func (f *faults) op(op string, do func() error) error {
	f.mu.Lock()
	n := len(f.ops)
	f.ops = append(f.ops, op)
	f.mu.Unlock()
	if f.before != nil {
		if err := f.before(n, op); err != nil {
			return err
		}
	}
	err := do()
	if f.after != nil {
		if lost := f.after(n, op); lost != nil {
			return lost
		}
	}
	return err
}

var errFault = errors.New("the store did not answer")

// faultyStore is the store as the keeper meets it.
type faultyStore struct {
	*faults
	mem *memstore.Store
}

func short(name string) string { return strings.TrimPrefix(name, conn) }

func (s faultyStore) Read(ctx context.Context, names ...string) (m map[string]store.Entry, err error) {
	err = s.op("read", func() error {
		for _, name := range names {
			if err := s.unreadable[name]; err != nil {
				return fmt.Errorf("%s: %w", name, err) // one call, one answer
			}
		}
		m, err = s.mem.Read(ctx, names...)
		return err
	})
	return m, err
}

func (s faultyStore) History(ctx context.Context, name string, from int64) (h []store.Entry, err error) {
	err = s.op("read history of "+short(name), func() error {
		if err := s.unreadable[name]; err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		h, err = s.mem.History(ctx, name, from)
		return err
	})
	return h, err
}

func (s faultyStore) Create(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (v int64, err error) {
	err = s.op("create "+short(name), func() error { v, err = s.mem.Create(ctx, name, value, k); return err })
	return v, err
}

func (s faultyStore) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (v int64, err error) {
	err = s.op("write "+short(name), func() error {
		if err := s.unwritable[name]; err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		v, err = s.mem.Write(ctx, name, value, k)
		return err
	})
	return v, err
}

func (s faultyStore) Delete(ctx context.Context, name string) error {
	return s.op("delete "+short(name), func() error { return s.mem.Delete(ctx, name) })
}

// faultyEndpoint is the token endpoint as the keeper meets it.
type faultyEndpoint struct {
	*faults
	client *atlassian.Client
}

func (e faultyEndpoint) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (tok atlassian.Token, err error) {
	lost := e.op("post", func() error { tok, err = e.client.Refresh(ctx, app, refresh); return nil })
	if lost != nil {
		return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: lost}
	}
	return tok, err
}

// spends is how often the keeper presented a token since ops was emptied.
func (f *faults) spends() (n int) {
	for _, op := range f.ops {
		if op == "post" {
			n++
		}
	}
	return n
}

// writes is how often the keeper wrote a parameter since ops was emptied.
func (f *faults) writes(name string) (n int) {
	for _, op := range f.ops {
		if op == "write "+short(name) {
			n++
		}
	}
	return n
}

// failing lets every operation of this name fail before it takes effect.
func failing(op string) func(int, string) error {
	return func(_ int, o string) error {
		if o == op {
			return errFault
		}
		return nil
	}
}

// crashing ends the process at the first operation of this name.
func crashing(op string) func(int, string) error {
	return func(_ int, o string) error {
		if o == op {
			panic(crash{})
		}
		return nil
	}
}

// atFirst does something at the first operation of this name.
func atFirst(op string, do func()) func(int, string) error {
	done := false
	return func(_ int, o string) error {
		if o == op && !done {
			done = true
			do()
		}
		return nil
	}
}
