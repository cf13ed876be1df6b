package consent

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// known is what is known of a connection's consents.
type known struct {
	conn  family.Connection
	names family.Names
	// under is the pending consent, and waits are received tokens that are not in
	// use yet; nil without any.
	under *underWay
	waits *waiting
	// state is what the ledger says; empty with broken, which tells why it cannot
	// be read.
	state  family.State
	broken error
	// told is what TOKEN_FAMILY tells; nil where it tells nothing.
	told *family.Record
	// at is when it was read, by the store's clock: waiting tokens are dated by it.
	at time.Time
}

// record is that of the family in use; empty where none is known.
func (k known) record() family.Record {
	if k.broken != nil {
		return family.Record{}
	}
	return inUse(k.state, k.told)
}

// app is the app to which a consent would be given now: what a person has stored since the last
// consent, or that one's.
func (k known) app(entries map[string]store.Entry) atlassian.App {
	now := family.NewSnapshot(k.conn, entries)
	now.State = k.state
	return now.App()
}

// inUse is the record of the family in use: the ledger's or, where that was deleted or
// has not begun, what TOKEN_FAMILY tells.
func inUse(state family.State, told *family.Record) family.Record {
	if state.Empty() && told != nil {
		return *told
	}
	return state.Record
}

// load reads the consents of connections: two in one call.
func (s *Service) load(ctx context.Context, conns ...family.Connection) ([]known, error) {
	var names []string
	for _, c := range conns {
		n := c.Names()
		names = append(names, n.ConsentState, n.ConsentTokens, n.Ledger, n.Family)
	}
	entries, err := s.Store.Read(ctx, names...)
	if err != nil {
		return nil, refuse(StoreFailed, "the consents under way cannot be read, and nothing has happened: %v; repeat the request", err)
	}
	all := make([]known, len(conns))
	for i, c := range conns {
		all[i] = s.known(ctx, c, entries)
	}
	return all, nil
}

// known interprets what was read.
func (s *Service) known(ctx context.Context, c family.Connection, entries map[string]store.Entry) known {
	now := family.NewSnapshot(c, entries)
	k := known{conn: c, names: c.Names(), told: now.Told(), at: now.Now}
	if k.at.IsZero() { // the store does not tell the time
		k.at = s.Now()
	}
	k.under = parseUnderWay(entries[k.names.ConsentState], c.Name)
	if k.under != nil && !s.Now().Before(k.under.ExpiresAt) {
		k.under = nil
	}
	k.waits = s.remembered.newest(c.Name, parseWaiting(entries[k.names.ConsentTokens], c.Name))
	if k.waits != nil && !k.at.Before(k.waits.until()) {
		s.remembered.drop(c.Name, k.waits.same)
		k.waits = nil
	}
	l := ledger.Ledger{Log: ledger.Parameter{Store: s.Store, Name: k.names.Ledger}, Of: c.Name}
	entry, err := l.Newest(ctx, entries[k.names.Ledger])
	if err == nil {
		k.state, err = family.ParseState(entry.State, entry.Written, c.Name)
	}
	k.broken = err
	return k
}

// answers reports whether a request is about these tokens: by the state that they
// came with or, on a page, by its digest.
func (w *waiting) answers(state atlassian.Secret, r CompleteRequest) bool {
	return w.serves(r) && (w.State.of(state) || r.Page && state.IsZero() && w.State == digest(r.Consent))
}

// serves reports whether the consent may go on where the request came from: a
// hosted one only in its browser, any other not on a page.
func (u *underWay) serves(r CompleteRequest) bool {
	return u.hosted() == r.Page && (!r.Page || u.Browser.of(r.Browser))
}

// completed reports whether the family in use came from the consent of this
// request.
func (k known) completed(state atlassian.Secret, r CompleteRequest) bool {
	id := k.record().Consent
	switch {
	case id == "":
		return false
	case !r.Page:
		return id == consentID(digestOf(state), "")
	case state.IsZero():
		return id == consentID(digest(r.Consent), digestOf(r.Browser))
	}
	return id == consentID(digestOf(state), digestOf(r.Browser))
}

// mayBeLeft reports whether the request's own tokens wait beside an empty ledger: they can
// be all that is left of the family.
func (k known) mayBeLeft(state atlassian.Secret, r CompleteRequest) bool {
	return k.state.Empty() && k.waits != nil && k.waits.answers(state, r)
}

// outcome is the answer to a request that was completed.
func (k known) outcome(in family.Record, sites []Site) Completed {
	if sites == nil && in.CloudID != "" {
		sites = []Site{{ID: in.CloudID, URL: in.SiteURL}}
	}
	return Completed{Connection: k.conn.Name, Sites: sites, CloudID: in.CloudID, Scopes: in.Scopes,
		AuthorizedAt: in.AuthorizedAt, FamilyExpiresAt: in.ExpiresAt(k.conn.Policy.Lifetime)}
}

// CalmTime is how long a process remembers which consents are pending. However many requests
// strangers send to the pages, the store is read once in that time. A link that was begun in
// another process works after it at the latest, before a person can have opened it.
const CalmTime = 2 * time.Second

// recent remembers what requests to pages can be about, as it was a moment ago.
type recent struct {
	mu    sync.Mutex
	until time.Time
	all   []known
}

// excludes reports whether a request is about nothing that was pending a moment ago. It returns
// the outlines of that.
func (r *recent) excludes(now time.Time, about func(known) bool) ([]known, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all), now.Before(r.until) && r.until.Sub(now) <= CalmTime && !slices.ContainsFunc(r.all, about)
}

func (r *recent) set(until time.Time, all []known) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.until, r.all = until, all
}

// forget has the next request look again, because this process has written.
func (r *recent) forget() { r.set(time.Time{}, nil) }

// visit loads what a request to a page may be about. If nothing of that was pending a moment
// ago, it returns outlines from memory. They tell only which ledgers could not be read.
func (s *Service) visit(ctx context.Context, about func(known) bool) ([]known, error) {
	if outlines, ok := s.recent.excludes(s.Now(), about); ok {
		return outlines, nil
	}
	began := s.Now()
	conns, err := s.connections(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.load(ctx, conns...)
	if err != nil {
		return nil, err
	}
	var outlines []known
	for _, k := range all {
		outlines = append(outlines, k.outline())
	}
	s.recent.set(began.Add(CalmTime), outlines)
	return all, nil
}

// outline is what tells whether a request is about a connection's consents, without
// a secret.
func (k known) outline() known {
	digests := func(u underWay) underWay { return underWay{State: u.State, Link: u.Link, Browser: u.Browser} }
	o := known{conn: k.conn, told: &family.Record{Consent: k.record().Consent}, broken: k.broken}
	if k.under != nil {
		u := digests(*k.under)
		o.under = &u
	}
	if k.waits != nil {
		o.waits = &waiting{underWay: digests(k.waits.underWay)}
	}
	return o
}

// claim makes a consent this caller's alone, by deleting its parameter. One of several callers
// succeeds, so the code is used once. If a code is presented twice, Atlassian may revoke the
// tokens of the first time (RFC 6749 section 4.1.2).
func (s *Service) claim(ctx context.Context, k known) error {
	err := s.Store.Delete(ctx, k.names.ConsentState)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrNotFound):
		return expired()
	}
	restore(ctx, s, k) // the answer may have been lost
	return refuse(StoreFailed, "%s cannot be deleted, so the code was not used: %v; repeat the request", k.names.ConsentState, err)
}

// restore undoes a claim whose code was not used, unless another consent has begun.
func restore(ctx context.Context, s *Service, k known) {
	if _, err := s.Store.Create(context.WithoutCancel(ctx), k.names.ConsentState, k.under.encode(), store.Encrypted); err != nil && !errors.Is(err, store.ErrExists) {
		s.Log.Warn("the request cannot be repeated", "parameter", k.names.ConsentState, "error", err)
	}
}
