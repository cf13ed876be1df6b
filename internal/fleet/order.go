package fleet

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
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
	// surveyTime bounds the survey: a store that is slow must leave time for those that are known.
	surveyTime = 20 * time.Second
)

// urgency is the order in which connections are served; lower is sooner.
type urgency int

const (
	// inDoubt: the ledger tells of a spend that nobody has settled and that can still be saved.
	inDoubt urgency = iota
	// unknown: it is not known whether the ledger does.
	unknown
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
	// since orders those of the same urgency, the earlier first. In doubt it is when the leeway
	// began, otherwise when the access token ends. A connection that was tried without success
	// counts as if it had become due at that try. Otherwise those that always fail would come
	// before all others at every tick.
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
	standings := f.survey(ctx, turned(first, f.Now()), log)
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
	first = turned(first, f.Now())
	slices.SortStableFunc(first, func(a, b turn) int {
		return cmp.Or(cmp.Compare(standings[a.i].urgency, standings[b.i].urgency), standings[a.i].since.Compare(standings[b.i].since))
	})
	return append(first, second...)
}

// turned returns turns from another one on in every minute. So those of whom nothing is known
// do not come in the same order each time, and the last ones never. Multiples of the golden ratio
// spread the beginnings evenly over the list, whatever the minute and the time between ticks.
func turned(turns []turn, now time.Time) []turn {
	const golden = 2654435769 // the golden ratio's fraction, of 1<<32
	fraction := uint64(uint32(now.Unix()/60) * golden)
	from := fraction * uint64(len(turns)) >> 32
	return slices.Concat(turns[from:], turns[:from])
}

// survey looks at all connections, at the ledgers of a few in a call. If a call fails, or the time
// is over, nothing is known of its connections. It begins with another one each time, so that
// these are not always the same.
func (f *Fleet) survey(ctx context.Context, turns []turn, log *slog.Logger) []standing {
	ctx, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	all, began, missed := make([]standing, len(turns)), f.Now(), 0
	for some := range slices.Chunk(turns, store.NamesPerCall) {
		var entries map[string]store.Entry
		err := errSurveyTime
		if f.Now().Sub(began) < surveyTime {
			entries, err = ledgers(ctx, f.Survey, some)
		}
		if err != nil && missed == 0 {
			log.Warn("connections could not be surveyed, and are served before those that are due", "first", some[0].conn.Name, "error", err)
		}
		for _, t := range some {
			if err == nil {
				all[t.i] = standingOf(t.conn, entries, f.Now())
				continue
			}
			all[t.i] = standing{urgency: unknown}
			missed++
		}
	}
	if missed > 0 {
		log.Warn("the survey is not complete", "connections", missed)
	}
	return all
}

var errSurveyTime = errors.New("the store is too slow to read all ledgers first")

// ledgers reads the ledgers of some connections. One to which access is denied is missing: it
// must not hide how the others are.
func ledgers(ctx context.Context, from Reader, some []turn) (map[string]store.Entry, error) {
	var names []string
	for _, t := range some {
		names = append(names, t.conn.Names().Ledger)
	}
	entries, err := from.Read(ctx, names...)
	if !errors.Is(err, store.ErrDenied) {
		return entries, err
	}
	entries = map[string]store.Entry{}
	for _, name := range names {
		one, err := from.Read(ctx, name)
		if err != nil && !errors.Is(err, store.ErrDenied) {
			return nil, err
		}
		maps.Copy(entries, one)
	}
	return entries, nil
}

// standingOf reads what a survey found of a connection. One that has not begun yet comes after
// those that are overdue: nobody depends on its tokens so far, and hundreds may begin at once.
func standingOf(c family.Connection, entries map[string]store.Entry, now time.Time) standing {
	before := c.Policy.RefreshBefore
	e := ledger.Peek(entries[c.Names().Ledger], c.Name)
	state, err := family.ParseState(e.State, e.Written, c.Name)
	if err != nil || state.Empty() {
		return standing{urgency: dueNow, since: now.Add(before / 2)}
	}
	out := standing{urgency: dueNow, record: &state.Record, since: state.Record.AccessExpiresAt}
	left := out.since.Sub(now)
	if tried := triedAt(state); !tried.IsZero() && !tried.After(now) && tried.Add(before).After(out.since) {
		out.since = tried.Add(before)
	}
	out.intended = state.Intent != nil
	switch doubted := doubtedSince(state, now); {
	case !doubted.IsZero():
		out.urgency, out.since = inDoubt, doubted
	case out.intended:
	case state.Record.Refused():
		out.urgency = refused
	case left >= Spread(before, c.Name)+TickTime:
		out.urgency = notDue
	}
	return out
}

// doubtedSince is when the earliest leeway began that is still open; zero without one.
func doubtedSince(s family.State, now time.Time) (first time.Time) {
	consider := func(at time.Time) {
		if !at.IsZero() && now.Sub(at) < family.Leeway && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	for _, in := range []*family.Intent{s.Intent, s.Doubt} {
		if in != nil {
			consider(in.First)
		}
	}
	for _, p := range s.Inbox.Pending {
		consider(p.First)
	}
	for _, r := range s.Inbox.Rejected {
		consider(r.First)
	}
	return first
}

// triedAt is when a connection was tried last without success; zero if the last try succeeded.
func triedAt(s family.State) (at time.Time) {
	if f := s.Record.LastFailure; f != nil {
		at = f.At
	}
	if in := s.Intent; in != nil && in.Last.After(at) {
		at = in.Last
	}
	return at
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
