package family

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// State is what the newest entry of a ledger says of a connection. The zero
// State is that of an empty ledger.
type State struct {
	// Refresh is the newest refresh token that Atlassian has given, or that was
	// adopted; Record describes its family.
	Refresh atlassian.Secret
	Record  Record
	// Intent is a spend that was announced and not settled; nil without one.
	// Doubt is an earlier one about the ledger's own token, where Intent is about
	// a candidate.
	Intent, Doubt *Intent
	Inbox         Inbox
	// App is the app of a consent, until CLIENT_ID and CLIENT_SECRET hold it.
	App *atlassian.App
}

// Intent is the write-ahead record of a spend.
type Intent struct {
	// Owner is the process that presents the token. It is empty once that process
	// has written that the answer was lost: the token is in doubt, but nobody can
	// come to save its successor any more.
	Owner string `json:"owner,omitempty"`
	// Token is what is presented. Candidate is the version of REFRESH_TOKEN that
	// holds it; 0 where it is the ledger's own.
	Token     Fingerprint `json:"token"`
	Candidate int64       `json:"candidate,omitempty"`
	// First is when Token was, or may have been, presented first, and Last the
	// newest time, by the store's clock. An intent that is written for the first
	// time has neither: both are then when the store wrote it.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Probing: the leeway is over, and the token is presented once more if nobody
	// who received its successor saves it before.
	Probing bool `json:"probing,omitempty"`
}

// Judged is how far REFRESH_TOKEN is judged.
type Judged struct {
	// Seen is the version up to which all are judged, and Modified when the newest
	// one was written then.
	Seen     int64     `json:"seen"`
	Modified time.Time `json:"modified,omitzero"`
}

// upTo is the version up to which the present versions are judged, given one of
// them and its time. A later time at a judged number shows that the parameter was
// deleted and begun again.
func (j Judged) upTo(version int64, modified time.Time) int64 {
	if version <= j.Seen && modified.After(j.Modified) {
		return 0
	}
	return j.Seen
}

// Inbox is what is known of the values that others wrote to REFRESH_TOKEN.
type Inbox struct {
	Judged
	// Kin is the version up to which candidates count as the family's own: they
	// were stored when the ledger began.
	Kin int64 `json:"kin,omitempty"`
	// Pending is a candidate that was presented without a definite answer.
	Pending *Pending `json:"pending,omitempty"`
	// Rejected are the last candidates that Atlassian did not accept, and Failure is
	// the newest failure to ask about one.
	Rejected []Rejected `json:"rejected,omitempty"`
	Failure  *Failure   `json:"failure,omitempty"`
}

// Pending is a candidate in doubt.
type Pending struct {
	Version int64       `json:"version"`
	Token   Fingerprint `json:"token"`
	// First is when it was, or may have been, presented first.
	First time.Time `json:"first,omitzero"`
	// Successor: it is the ledger's own token's, as far as is known, and Psoxys that
	// psoxy stored it.
	Successor bool `json:"successor,omitempty"`
	Psoxys    bool `json:"psoxys,omitempty"`
}

// Rejected is a candidate that Atlassian did not accept under some credentials.
// Under others it may be good, and refusals have been mistaken.
type Rejected struct {
	Version     int64       `json:"version"`
	Credentials Fingerprint `json:"credentials"`
	// At is the time of the newest answer, and Count how many there were, but for
	// those inside the leeway of First: when an answer was lost before, if one was.
	// Successor and Psoxys are as in Pending.
	At        time.Time `json:"at"`
	Count     int       `json:"count"`
	First     time.Time `json:"first,omitzero"`
	Successor bool      `json:"successor,omitempty"`
	Psoxys    bool      `json:"psoxys,omitempty"`
}

// rejectedKept is how many rejected candidates a state remembers.
const rejectedKept = 8

// maxState is the size up to which a state is kept, in bytes, where that is
// possible: with the rest of its entry it then fits into a parameter of the
// standard tier, which is free.
const maxState = 3900

// stateForm is the JSON of a State.
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
		const least = 20 // of the older tokens, whatever the tier costs
		f.Record.Past = f.Record.Past.newest(max(least, (len(f.Record.Past)-over)/pastWidth))
		b = mustEncode(f)
	}
	return atlassian.NewSecret(string(b))
}

func mustEncode(v any) []byte {
	// What a State holds encodes always: its times are between years 0 and 9999.
	b, err := json.Marshal(v)
	if err != nil {
		panic("family: " + err.Error())
	}
	return b
}

// ParseState reads the state of an entry that was written at the given time, by
// the store's clock. An empty text is the zero State.
func ParseState(text atlassian.Secret, written time.Time, connection string) (State, error) {
	if text.IsZero() || text.Reveal() == "{}" {
		return State{}, nil
	}
	var f struct {
		stateForm
		Record json.RawMessage `json:"record"`
	}
	if json.Unmarshal([]byte(text.Reveal()), &f) != nil {
		return State{}, errors.New("is not the JSON that tokenkeeper writes")
	}
	record, err := ParseRecord(string(f.Record), connection)
	if err != nil {
		return State{}, err
	}
	s := State{Refresh: atlassian.NewSecret(f.Refresh), Record: record, Intent: f.Intent, Doubt: f.Doubt, Inbox: f.Inbox}
	if FingerprintOf(s.Refresh) != record.Refresh {
		return State{}, fmt.Errorf("holds another refresh token than its record describes")
	}
	if f.App != nil {
		s.App = &atlassian.App{ClientID: f.App.ClientID, ClientSecret: atlassian.NewSecret(f.App.ClientSecret)}
	}
	s.date(written)
	return s, nil
}

// date fills in when the newest spend was announced: when the store wrote that.
func (s *State) date(written time.Time) {
	in, p := s.Intent, s.Inbox.Pending
	if s.Inbox.Modified.IsZero() {
		s.Inbox.Modified = written
	}
	if in != nil && in.Last.IsZero() {
		in.Last = written
	}
	if in != nil && in.First.IsZero() {
		in.First = written
	}
	if p != nil && p.First.IsZero() {
		p.First = written
	}
}

// Empty reports whether the ledger says nothing yet.
func (s State) Empty() bool { return s.Record.Refresh == "" }

// unproven reports whether the ledger's own token was adopted, and Atlassian has
// not given a successor for it yet.
func (s State) unproven() bool {
	return !s.Empty() && s.Record.RotatedAt.IsZero() && !s.Record.FreshConsent()
}

// mistaken reports whether the ledger's own token may be none: it was adopted,
// and Atlassian did not take it. What looks damaged beside it may be the whole one.
func (s State) mistaken() bool { return s.unproven() && s.Record.LastFailure != nil }

// own reports whether the intent is about the ledger's own token.
func (s State) own(in *Intent) bool {
	return in != nil && in.Candidate == 0 && in.Token == s.Record.Refresh
}

// Intending returns the state with an intent of the given owner to present a
// token: the ledger's own, or the candidate in a version of REFRESH_TOKEN. Times
// of earlier attempts with the same token are carried on.
func (s State) Intending(owner string, token Fingerprint, candidate int64, since time.Time) State {
	in := &Intent{Owner: owner, Token: token, Candidate: candidate, First: since}
	switch {
	case candidate == 0:
		s.Doubt = nil // since tells of it
	case s.own(s.Intent):
		s.Doubt = s.Intent
	}
	s.Inbox = s.Inbox.kept()
	if old := s.Intent; old != nil && old.Token == token && (in.First.IsZero() || old.First.Before(in.First)) {
		in.First = old.First
	}
	if candidate > 0 {
		if first := s.Inbox.first(candidate); !first.IsZero() {
			in.First = first
		}
		s.Inbox.Pending = &Pending{Version: candidate, Token: token, First: in.First}
	}
	s.Intent = in
	return s
}

// Intending returns the state with an intent to carry a decision out.
func (s Snapshot) Intending(token Fingerprint, d Decision) State {
	state := s.State.Intending(s.Process, token, d.Candidate.Version, d.FirstSpend)
	state.Inbox.Judged = d.Judged
	if d.Candidate.Version > 0 {
		p, j := state.Inbox.Pending, judging{s}
		p.Successor = j.succeeds(d.Candidate)
		p.Psoxys = p.Successor && j.byPsoxy(d.Candidate)
	}
	return state
}

// doubted is the intent, settled or not, that puts the ledger's own token in
// doubt; nil without one.
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

// Announcing returns the state that announces a probe.
func (s State) Announcing() State {
	if in := s.doubted(); in != nil {
		announced := *in
		announced.Owner, announced.Probing = "", true
		if s.own(s.Intent) {
			s.Intent = nil
		}
		s.Doubt = &announced
	}
	return s
}

// Doubting returns the state in which the ledger's own token may have been
// spent by a program that has its own lock, at the given time.
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

// after returns the inbox for which everything up to a version is older than what
// is in use now.
func (i Inbox) after(version int64) Inbox {
	i.Seen = max(i.Seen, version)
	if i.Pending != nil && i.Pending.Version <= version {
		i.Pending = nil
	}
	i.Rejected = slices.DeleteFunc(slices.Clone(i.Rejected), func(r Rejected) bool { return r.Version <= version })
	return i
}

// kept returns the inbox without candidates that the history no longer has.
func (i Inbox) kept() Inbox {
	gone := func(version int64) bool { return version <= i.Seen-store.KeptVersions }
	if i.Pending != nil && gone(i.Pending.Version) {
		i.Pending = nil
	}
	i.Rejected = slices.DeleteFunc(slices.Clone(i.Rejected), func(r Rejected) bool { return gone(r.Version) })
	return i
}

// first is the time of the first attempt to present a candidate whose answer was
// lost. It is zero without one, and after a refusal that came when its leeway was over.
func (i Inbox) first(version int64) time.Time {
	if p := i.Pending; p != nil && p.Version == version {
		return p.First
	}
	for _, r := range i.Rejected {
		if r.Version == version && open(r.First, r.At) {
			return r.First
		}
	}
	return time.Time{}
}

// reject returns the inbox without the candidate of the given version.
func (i Inbox) reject(version int64, f Failure, at time.Time) Inbox {
	r := Rejected{Version: version, Credentials: f.Credentials, At: stamp(at), Count: 1, First: stamp(f.FirstSpend)}
	if i.Pending != nil && i.Pending.Version == version {
		r.Successor, r.Psoxys, i.Pending = i.Pending.Successor, i.Pending.Psoxys, nil
	}
	all := []Rejected{r}
	for _, old := range i.Rejected {
		switch {
		case old.Version != version:
			all = append(all, old)
		case old.Credentials == f.Credentials && !open(r.First, at):
			all[0].Count = old.Count + 1
			all[0].Successor, all[0].Psoxys = r.Successor || old.Successor, r.Psoxys || old.Psoxys
		}
	}
	i.Rejected = all[:min(len(all), rejectedKept)]
	return i
}

// candidateProbes is how often a candidate is presented while the ledger's own
// token is good. The second time is at the next tick, and before the own token is
// presented: if the refusal was a mistake, that may be spent.
const (
	candidateProbes = 4
	secondLook      = time.Minute
)

// again reports whether a rejected candidate is to be presented once more: under
// other credentials at once, inside its leeway every minute, otherwise now and then,
// for ever only while the ledger's own token is refused too, so that nothing is
// left to lose.
func (r Rejected) again(credentials Fingerprint, lost bool, now time.Time) bool {
	wait := secondLook
	if r.Count > 1 && !open(r.First, now) {
		wait = probeWait(r.Count - 1)
	}
	return r.Credentials != credentials || (lost || r.Count < candidateProbes) && !now.Before(r.At.Add(wait))
}

// probeWait is how long a token that was refused so often rests.
func probeWait(refusals int) time.Duration {
	if refusals <= 1 {
		return probeFirst
	}
	return probeAgain
}
