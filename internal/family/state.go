package family

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// State is what the newest entry of a ledger says of a connection. The zero
// State is that of an empty ledger.
type State struct {
	// Refresh is the newest refresh token that was received or adopted. Record describes its
	// family.
	Refresh atlassian.Secret
	Record  Record
	// Intent is a spend that was announced and not settled; nil without one. If that is about a
	// candidate, Doubt is an earlier one about the ledger's own token.
	Intent, Doubt *Intent
	Inbox         Inbox
	// App is the app of a consent, until CLIENT_ID and CLIENT_SECRET hold it.
	App *atlassian.App
}

// Intent is the write-ahead record of a spend.
type Intent struct {
	// Owner is the process that presents the token. It is empty once that process has lost the
	// answer: the token is in doubt, but nobody can come to save its successor.
	Owner string `json:"owner,omitempty"`
	// Token is what is presented. Candidate is the version of REFRESH_TOKEN that holds it; 0 for
	// the ledger's own.
	Token     Fingerprint `json:"token"`
	Candidate int64       `json:"candidate,omitempty"`
	// First is when Token was, or may have been, presented first, and Last the newest time, by
	// the store's clock. A new intent has neither: both are when the store wrote it.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// Respected reports whether a process may be at work under the intent.
func (in *Intent) Respected(now time.Time) bool {
	return in != nil && in.Owner != "" && Within(in.Last, now, Lease)
}

// maxState is the size that a state keeps where that is possible, in bytes. With the rest of its
// entry it then fits into a parameter of the standard tier, which is free.
const maxState = 3900

// Smallest is a large state without what a family can live without, for a ledger that does not
// take the whole: scopes, refused candidates, and older tokens. Of these it keeps as many as the
// standard tier takes, or else any parameter.
func Smallest(s State) State {
	most := store.MaxValueBytes - 512 - len(s.Record.Connection) // the rest of the entry
	if s.Encode().Len() <= maxState {
		return s
	}
	s.Record.Scopes, s.Inbox.Rejected = nil, nil
	for past := &s.Record.Past; *past != ""; *past = past.newest(len(*past) / pastWidth / 2) {
		size := s.Encode().Len()
		cheaper := size > maxState && size-len(*past) <= maxState // with fewer the standard tier does
		if size <= most && !cheaper {
			break
		}
	}
	return s
}

type stateForm struct {
	Refresh string   `json:"refresh"`
	Record  Record   `json:"record"`
	Intent  *Intent  `json:"intent,omitempty"`
	Doubt   *Intent  `json:"doubt,omitempty"`
	Inbox   Inbox    `json:"inbox,omitzero"`
	App     *appForm `json:"app,omitempty"`
}

type appForm struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// Encode gives the state as JSON, with as many of the earlier tokens as fit.
func (s State) Encode() atlassian.Secret {
	if s.Empty() {
		return atlassian.NewSecret("{}")
	}
	f := stateForm{Refresh: s.Refresh.Reveal(), Record: s.Record, Intent: s.Intent, Doubt: s.Doubt, Inbox: s.Inbox}
	if s.App != nil {
		f.App = &appForm{s.App.ClientID, s.App.ClientSecret.Reveal()}
	}
	b := mustEncode(f)
	if over := len(b) - maxState; over > 0 && len(f.Record.Past) > 0 {
		const least = 60 // of the older tokens, whatever the tier costs
		f.Record.Past = f.Record.Past.newest(max(least, (len(f.Record.Past)-over)/pastWidth))
		b = mustEncode(f)
	}
	return atlassian.NewSecret(b)
}

// ParseState reads the state of an entry that was written at the given time, by the store's
// clock. An empty text is the zero State.
func ParseState(text atlassian.Secret, written time.Time, connection string) (State, error) {
	if text.IsZero() || text == atlassian.NewSecret("{}") {
		return State{}, nil
	}
	var f stateForm
	if json.Unmarshal(text.AppendReveal(nil), &f) != nil || f.Record.Schema == 0 {
		return State{}, errors.New("is not the JSON that tokenkeeper writes")
	}
	record, err := f.Record.checked(connection)
	if err != nil {
		return State{}, err
	}
	s := State{Refresh: atlassian.NewSecret(f.Refresh), Record: record, Intent: f.Intent, Doubt: f.Doubt, Inbox: f.Inbox}
	if FingerprintOf(s.Refresh) != record.Refresh {
		return State{}, errors.New("holds another refresh token than its record describes")
	}
	if f.App != nil {
		s.App = &atlassian.App{ClientID: f.App.ClientID, ClientSecret: atlassian.NewSecret(f.App.ClientSecret)}
	}
	s.date(written)
	return s, nil
}

// Dated returns a state with an intent whose entry cannot be read again, as if the store had
// written it at the given time.
func Dated(s State, written time.Time) State {
	s.Intent, s.Inbox.Pending = new(*s.Intent), slices.Clone(s.Inbox.Pending)
	s.date(written)
	return s
}

// date fills in when the newest spend was announced: when the store wrote the entry.
func (s *State) date(written time.Time) {
	in := s.Intent
	s.Inbox.Modified = cmp.Or(s.Inbox.Modified, written)
	if in != nil {
		in.First, in.Last = cmp.Or(in.First, written), cmp.Or(in.Last, written)
	}
	if len(s.Inbox.Pending) == 0 {
		return
	}
	newest := &s.Inbox.Pending[0]
	refused := s.Inbox.rejected(newest.Version)
	switch {
	case newest.First.IsZero():
		newest.First = written
	case in != nil && in.Candidate == newest.Version && refused.Version > 0 && in.Last.After(refused.At):
		newest.First = in.Last // it may be the first attempt to arrive
	}
}

// Empty reports whether the ledger says nothing yet.
func (s State) Empty() bool { return s.Record.Refresh == "" }

// Newest is the state whose family was last given tokens, of those that a process has read.
func Newest(known State, others ...State) State {
	for _, s := range others {
		if !s.Empty() && (known.Empty() || known.Record.active().Before(s.Record.active())) {
			known = s
		}
	}
	return known
}

// unproven reports whether the ledger's own token was adopted, and has yielded no successor yet.
func (s State) unproven() bool {
	return !s.Empty() && s.Record.RotatedAt.IsZero() && !s.Record.FreshConsent()
}

// mistaken reports whether the ledger's own token may be no token: it was adopted, and Atlassian
// did not take it. What looks like a damaged copy of it may be the whole one.
func (s State) mistaken() bool { return s.unproven() && s.Record.LastFailure != nil }

// disproven reports whether the ledger's own token is probably no token: it was adopted, and
// Atlassian has twice not taken it. An older one may be the right one; see stillOlder.
func disproven(s State) bool { return s.unproven() && s.Record.failedTwice() && !s.InDoubt() }

// own reports whether the intent is about the ledger's own token.
func (s State) own(in *Intent) bool {
	return in != nil && in.Candidate == 0 && in.Token == s.Record.Refresh
}

// Intending returns the state with an intent to present a token: the ledger's own, or the
// candidate in a version of REFRESH_TOKEN. It carries the times of earlier attempts on.
func (s State) Intending(owner string, token Fingerprint, candidate int64, since time.Time) State {
	in := &Intent{Owner: owner, Token: token, Candidate: candidate, First: since}
	switch {
	case candidate == 0:
		s.Doubt = nil // since tells of it
	case s.own(s.Intent):
		s.Doubt = s.Intent
	}
	s.Inbox = s.Inbox.kept()
	if old := s.Intent; old != nil && old.Token == token {
		in.First = earlier(in.First, old.First)
	}
	if candidate > 0 {
		in.First = cmp.Or(s.Inbox.first(candidate), in.First)
		s.Inbox = s.Inbox.Presented(Pending{Version: candidate, Token: token, First: in.First})
	}
	s.Intent = in
	return s
}

// Presented is the token that a decision presents.
func (s Snapshot) Presented(d Decision) atlassian.Secret {
	if d.Candidate.Version > 0 {
		return d.Candidate.Value
	}
	return s.State.Refresh
}

// Intending returns the state with an intent to carry a decision out.
func (s Snapshot) Intending(d Decision) State {
	state := s.State.Intending(s.Process, FingerprintOf(s.Presented(d)), d.Candidate.Version, d.FirstSpend)
	state.Inbox.Judged = d.Judged
	if j := (judge{s}); d.Candidate.Version > 0 && j.succeeds(d.Candidate) {
		p := &state.Inbox.Pending[0]
		p.Stored, p.Psoxys = stamp(d.Candidate.Modified), j.byPsoxy(d.Candidate)
	}
	return state
}

// doubted is the intent that puts the ledger's own token in doubt; nil without one.
func (s State) doubted() *Intent {
	for _, in := range []*Intent{s.Intent, s.Doubt} {
		if s.own(in) {
			return in
		}
	}
	return nil
}

// InDoubt reports whether the ledger's own token may have been spent.
func (s State) InDoubt() bool { return s.doubted() != nil }

// Doubting returns the state in which psoxy may have spent the ledger's own token at the given
// time.
func (s State) Doubting(at time.Time) State {
	in := &Intent{Owner: "psoxy", Token: s.Record.Refresh, First: at, Last: at}
	if before := s.doubted(); before != nil && before.First.Before(at) {
		in.First = before.First
	}
	if s.own(s.Intent) {
		s.Intent = nil
	}
	s.Doubt = in
	return s
}
