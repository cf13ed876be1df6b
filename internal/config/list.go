package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// Every is how long a list is used before it is read again.
const Every = 4 * time.Minute

// Source reads the parameters that hold the list.
type Source interface {
	// Values returns their values by whole name.
	Values(ctx context.Context) (map[string]string, error)
}

// List is which connections a stack keeps, read from parameters where there are
// too many for an environment variable: a connection is then added or removed
// without a deployment. It is read again from time to time. All fields are needed. Its methods may be called concurrently.
type List struct {
	Source Source
	// Root is what every connection's name begins with; see Parse.
	Root string
	// Connection gives a connection of that name its policy.
	Connection func(name string) family.Connection
	Now        func() time.Time

	mu       sync.Mutex
	last     []family.Connection
	problems []Problem
	readAt   time.Time
}

// Connections returns the connections and the entries that are none. The list
// is read when this process has none, or one older than Every. When it cannot
// be read, or names no connection, the last one stays in use; without a last
// one that is an error.
func (l *List) Connections(ctx context.Context, log *slog.Logger) ([]family.Connection, []Problem, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Without the monotonic reading, which misses the time a process was frozen.
	if now := l.Now().Round(0); l.readAt.IsZero() || now.Sub(l.readAt) >= Every || now.Before(l.readAt) {
		conns, problems, err := l.read(ctx)
		switch {
		case err == nil:
			l.last, l.problems, l.readAt = conns, problems, now
		case l.last == nil:
			return nil, nil, fmt.Errorf("the list of connections cannot be used: %w", err)
		default:
			log.Error("the list of connections cannot be read again: the last one stays in use", "connections", len(l.last), "error", err)
		}
		for _, p := range l.problems {
			log.Error("an entry in the list of connections is skipped", "entry", p.Entry, "problem", p.What)
		}
	}
	return l.last, l.problems, nil
}

func (l *List) read(ctx context.Context) ([]family.Connection, []Problem, error) {
	values, err := l.Source.Values(ctx)
	if err != nil {
		return nil, nil, err
	}
	names, problems := Parse(values, l.Root)
	if len(names) == 0 {
		err := errors.New("it names no connection: store prefixes of parameter names there, such as " + l.Root + "acme_, separated by commas or lines")
		for _, p := range problems {
			err = errors.Join(err, fmt.Errorf("%s %s", p.Entry, p.What))
		}
		return nil, nil, err
	}
	conns := make([]family.Connection, len(names))
	for i, name := range names {
		conns[i] = l.Connection(name)
	}
	return conns, problems, nil
}

// Problem is an entry that cannot be a connection.
type Problem struct {
	// Entry says where it stands. What it holds is not told: it could be a
	// secret that was pasted into the wrong place.
	Entry string
	// What is wrong with it, and what was expected.
	What string
}

// Outcome is how a tick reports the entry: whoever wrote it believes that the
// connection is kept.
func (p Problem) Outcome() keeper.Outcome {
	return keeper.Outcome{Connection: p.Entry, Action: keeper.Misconfigured, Reason: "this entry in the list of connections " + p.What}
}

// Parse reads the connections' names from the values of parameters, which are
// given by name and read in the order of their names. Entries are separated by
// commas or line ends; white space around them and empty ones do not count, and
// a name that comes twice counts once. Every name begins with root.
func Parse(values map[string]string, root string) (names []string, problems []Problem) {
	seen := map[string]bool{}
	for _, parameter := range slices.Sorted(maps.Keys(values)) {
		n := 0
		for entry := range strings.FieldsFuncSeq(values[parameter], func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
			name := strings.TrimSpace(entry)
			if name == "" {
				continue
			}
			n++
			what := ""
			switch {
			case family.CheckConnection(name) != nil:
				what = "is no prefix of parameter names that ends in _ . - or /"
			case !strings.HasPrefix(name, root):
				what = "does not begin with " + root + ", where the functions may work"
			case seen[name]:
				continue
			}
			if what != "" {
				problems = append(problems, Problem{fmt.Sprintf("%s entry %d", parameter, n), what})
				continue
			}
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, problems
}
