package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// looker answers how the connections are. It changes nothing.
type looker struct {
	store store.Store
	// connections are those that the function serves, at the time.
	connections func(context.Context, *slog.Logger) ([]family.Connection, error)
	// warning and last are the days of the first warning and of the last.
	warning, last float64

	mu    sync.Mutex
	ticks map[string]health.Tick
}

// remember keeps how a tick ended, for as long as this process lives.
func (l *looker) remember(r fleet.Report, at time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ticks = make(map[string]health.Tick, len(r.Connections))
	for _, o := range r.Connections {
		l.ticks[o.Connection] = health.Tick{At: at, Action: o.Action, Reason: o.Reason}
	}
}

func (l *looker) tick(connection string) *health.Tick {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t, ok := l.ticks[connection]; ok {
		return &t
	}
	return nil
}

// answer looks at one connection, or at all.
func (l *looker) answer(ctx context.Context, one string, log *slog.Logger) (health.Answer, error) {
	answer := health.Answer{Version: config.Version(), Connections: []health.Report{}}
	conns, err := l.connections(ctx, log)
	if err != nil {
		return answer, err
	}
	stack := strings.TrimSuffix(os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), "-refresher")
	var names []string
	for _, c := range conns {
		names = append(names, c.Name)
		if one == "" || one == c.Name {
			answer.Connections = append(answer.Connections, l.report(ctx, c, stack))
		}
	}
	if len(answer.Connections) == 0 {
		return answer, UnknownConnection{one, health.Similar(one, names)}
	}
	return answer, nil
}

// report looks at one connection. The function may not read consents under way.
func (l *looker) report(ctx context.Context, c family.Connection, stack string) health.Report {
	seen, err := health.Look(ctx, l.store, c, time.Now())
	if err != nil {
		return health.Unseen(c.Name, err, health.CommandsFor(c.Name, "", stack), time.Now())
	}
	return seen.Fill(nil, l.tick(c.Name), stack, l.warning, l.last)
}

// UnknownConnection is the error type of a question about a connection that the
// function does not serve.
type UnknownConnection struct {
	name    string
	similar []string
}

// Error names those that are most like it.
func (e UnknownConnection) Error() string {
	return fmt.Sprintf("this function serves no connection %.100q: expected %s", e.name, strings.Join(e.similar, " or "))
}
