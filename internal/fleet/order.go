package fleet

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Reader reads parameters; a store.Store is one.
type Reader interface {
	// Read is store.Store's.
	Read(ctx context.Context, names ...string) (map[string]store.Entry, error)
}

// What must be left of the invocation when a connection's turn comes, so that
// the metrics still go out. One that has to be rotated needs a whole round; a
// look at one that has not takes a read, which is repeated if it fails.
const (
	metricsTime  = 5 * time.Second
	rotationTime = roundTime + metricsTime
	lookTime     = 15 * time.Second
)

// urgency is the order in which connections are served; lower is sooner.
type urgency int

const (
	// inDoubt: the ledger announces a spend that nobody has settled, or it is not
	// known whether it does.
	inDoubt urgency = iota
	// dueNow: the access token has less left than the policy wants, or nothing is
	// recorded of it yet.
	dueNow
	// notDue: a look finds what a person has changed.
	notDue
	// refused: nothing but a consent helps.
	refused
)

// standing is what a survey knows of a connection.
type standing struct {
	urgency urgency
	// since orders those of the same urgency: in doubt, who has been so for
	// longer and can still be saved; otherwise whose access token ends first.
	since time.Time
	// intended: a spend is announced.
	intended bool
	record   *family.Record
}

// turn is one connection that waits to be served.
type turn struct {
	// i is the connection's number.
	i int
	// conn is the connection, with the policy that holds in this turn.
	conn family.Connection
	// need is what must be left of the invocation.
	need time.Duration
	// second: only for a connection whose first turn did not come.
	second bool
}

// order returns the connections' turns in their order. Without a Survey that is
// the configured one. With one, every connection is due somewhat early; see
// Spread. If there is no time for that, a second turn follows its own policy. Each
// outcome is set to what is true if the connection gets no turn.
func (f *Fleet) order(ctx context.Context, outcomes []keeper.Outcome, log *slog.Logger) []turn {
	first := make([]turn, len(f.Connections))
	for i, c := range f.Connections {
		first[i] = turn{i: i, conn: c}
	}
	if f.Survey == nil {
		return first
	}
	standings := f.survey(ctx, log)
	var second []turn
	for i, s := range standings {
		conn, now := f.Connections[i], f.Now()
		outcomes[i] = keeper.Postpone(conn, s.record, now)
		first[i].conn.Policy.RefreshBefore = Spread(conn.Policy.RefreshBefore, conn.Name)
		first[i].need = rotationTime
		if s.urgency >= notDue {
			first[i].need = lookTime
		} else if s.urgency == dueNow && !s.intended && s.since.Sub(now) >= conn.Policy.RefreshBefore+TickTime {
			second = append(second, turn{i: i, conn: conn, need: lookTime, second: true})
		}
	}
	slices.SortStableFunc(first, func(a, b turn) int {
		return cmp.Or(cmp.Compare(standings[a.i].urgency, standings[b.i].urgency), standings[a.i].since.Compare(standings[b.i].since))
	})
	return append(first, second...)
}

// survey looks at all connections, at the ledgers of a few in a call. If a call fails, nothing is
// known of its connections.
func (f *Fleet) survey(ctx context.Context, log *slog.Logger) (all []standing) {
	for some := range slices.Chunk(f.Connections, store.NamesPerCall) {
		var names []string
		for _, c := range some {
			names = append(names, c.Names().Ledger)
		}
		entries, err := f.Survey.Read(ctx, names...)
		if err != nil {
			log.Warn("connections could not be surveyed, and are served first", "first", some[0].Name, "connections", len(some), "error", err)
		}
		for _, c := range some {
			if err != nil {
				all = append(all, standing{urgency: inDoubt})
				continue
			}
			all = append(all, standingOf(c, entries, f.Now()))
		}
	}
	return all
}

// standingOf reads what a survey found of a connection.
func standingOf(c family.Connection, entries map[string]store.Entry, now time.Time) standing {
	out := standing{urgency: dueNow}
	e := ledger.Peek(entries[c.Names().Ledger], c.Name)
	state, err := family.ParseState(e.State, e.Written, c.Name)
	if err != nil || state.Empty() {
		return out
	}
	out.record, out.since = &state.Record, state.Record.AccessExpiresAt
	switch in := state.Intent; {
	case in != nil:
		out.intended, out.since = true, in.First
		if now.Sub(in.First) < family.Leeway {
			out.urgency = inDoubt // later, whatever could be saved by haste is saved or lost
		}
	case state.Record.Refused():
		out.urgency = refused
	case out.since.Sub(now) >= Spread(c.Policy.RefreshBefore, c.Name)+TickTime:
		out.urgency = notDue
	}
	return out
}

// late reports whether the invocation has less than need left. A need of zero is
// never late.
func (f *Fleet) late(ctx context.Context, need time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && need > 0 && deadline.Sub(f.Now()) < need
}

// tellPostponed logs whose turn did not come.
func tellPostponed(outcomes []keeper.Outcome, log *slog.Logger) {
	var names []string
	for _, o := range outcomes {
		if o.Action == keeper.Postponed {
			names = append(names, o.Connection)
		}
	}
	if names != nil {
		log.Error("the time was up before every connection was served", "served", len(outcomes)-len(names), "postponed", len(names), "connections", names)
	}
}
