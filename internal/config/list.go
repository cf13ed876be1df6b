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

// ListAge is how long a list is used before it is read again.
const ListAge = 4 * time.Minute

// ListSource reads the parameters that hold the list.
type ListSource interface {
	// Values returns their values by whole name.
	Values(ctx context.Context) (map[string]string, error)
}

// List reads the connections of a stack from parameters, if an environment
// variable has no room for them. A connection is then added or removed without a
// deployment. It is read again from time to time. Source and Connection are
// needed. Its methods may be called concurrently.
type List struct {
	Source ListSource
	// Root is what every connection's name begins with; see parseList.
	Root string
	// Connection gives a connection of that name its policy.
	Connection func(name string) family.Connection
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu       sync.Mutex
	last     []family.Connection
	problems []listProblem
	readAt   time.Time
}

// Connections returns the connections, and for each entry that cannot be one the
// outcome with which a tick reports it. The list is read when this process has
// none, or one older than ListAge. When it cannot be read, or names no connection,
// the last one stays in use; without a last one that is an error.
func (l *List) Connections(ctx context.Context, log *slog.Logger) (conns []family.Connection, invalid []keeper.Outcome, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clock := l.Now
	if clock == nil {
		clock = time.Now
	}
	// Without the monotonic reading, which misses the time a process was frozen.
	if now := clock().Round(0); l.readAt.IsZero() || now.Sub(l.readAt) >= ListAge || now.Before(l.readAt) {
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
			log.Error("an entry in the list of connections is skipped", "entry", p.entry, "problem", p.what)
		}
	}
	for _, p := range l.problems {
		invalid = append(invalid, p.outcome())
	}
	return l.last, invalid, nil
}

func (l *List) read(ctx context.Context) ([]family.Connection, []listProblem, error) {
	values, err := l.Source.Values(ctx)
	if err != nil {
		return nil, nil, err
	}
	names, problems := parseList(values, l.Root)
	if len(names) == 0 {
		err := errors.New("it names no connection: store prefixes of parameter names there, such as " + l.Root + "acme_, separated by commas or lines")
		for _, p := range problems {
			err = errors.Join(err, fmt.Errorf("%s %s", p.entry, p.what))
		}
		return nil, nil, err
	}
	conns := make([]family.Connection, len(names))
	for i, name := range names {
		conns[i] = l.Connection(name)
	}
	return conns, problems, nil
}

// listProblem is an entry that cannot be a connection.
type listProblem struct {
	// entry says where it is. Its text is never shown: it could be a secret that
	// was pasted into the wrong place.
	entry string
	// what is wrong with it, and what was expected.
	what string
}

// outcome is how a tick reports the entry: its writer expects that the connection
// is kept.
func (p listProblem) outcome() keeper.Outcome {
	return keeper.Outcome{Connection: p.entry, Action: keeper.Misconfigured, Reason: "this entry in the list of connections " + p.what}
}

// parseList reads the connections' names from the values of parameters, which are
// given by name and read in the order of their names. Entries are separated by
// commas or line ends; white space around them and empty ones do not count, and
// a name that comes twice counts once. Every name begins with root.
func parseList(values map[string]string, root string) (names []string, problems []listProblem) {
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
				problems = append(problems, listProblem{fmt.Sprintf("%s entry %d", parameter, n), what})
				continue
			}
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, problems
}
