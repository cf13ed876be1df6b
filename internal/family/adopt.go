package family

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Adopt returns the first state of a ledger that is new or was deleted, from the
// parameters. tokens and records are the kept versions of REFRESH_TOKEN and
// TOKEN_FAMILY. why is the reason if nothing can be adopted.
//
// What this process has read of a deleted ledger counts like a version of TOKEN_FAMILY.
// Where TOKEN_FAMILY, or without it the first edition's lock, names a token of the
// history, that is the ledger's own, and what was stored after it are candidates of its
// family. Otherwise the newest token is the one that was stored for the first time last:
// an older one that was put back has been there before, or its claims tell. It is taken
// for one of the family that TOKEN_FAMILY describes, unless its chain claim says
// otherwise: a true age matters more than a fresh year.
func (s Snapshot) Adopt(tokens, records []store.Entry, p Policy) (state State, why string) {
	record, known := s.newestRecord(records, tokens)
	named := record.Refresh
	if !known {
		named = oldLock(s.Lock).Spending
	}
	own, past, why := choose(s, tokens, record, named)
	if last := s.Known; named == last.Record.Refresh && named != FingerprintOf(own.Value) && named != "" {
		own = Field{Value: last.Refresh} // REFRESH_TOKEN took no writes; what it holds is judged later
	}
	if own.Value.IsZero() {
		return State{}, s.inboxName() + ": " + why
	}
	own.Born = bornIn(fields(tokens, s.Now), own)
	token, top := FingerprintOf(own.Value), s.RefreshToken
	inbox := Inbox{Judged: Judged{top.Version, top.Modified}}
	deleted := known && record.Schema == Schema // there was a ledger
	if token == named {
		if inbox.Seen, inbox.Kin = own.Version, top.Version; deleted {
			inbox.Seen, past = 0, "" // what was there before and is not known was never judged
		}
	}
	record = adopting(record, own, known, s.Now)
	record.Schema, record.Connection = Schema, s.Connection
	record.LifetimeDays = p.Lifetime.Hours() / 24
	record.Past = record.Past.Merge(past)
	record.AccessFormat = remembered(s.AccessFormat)
	if another := record.Access != FingerprintOf(s.AccessToken.Value); record.Access == "" || another && !s.Shared() { // or it is psoxy's
		record.Access, record.AccessExpiresAt = FingerprintOf(s.AccessToken.Value), stamp(s.AccessExpires)
	}
	s.State = State{Refresh: own.Value, Record: record, Intent: s.inherited(record, deleted), Inbox: inbox}
	return judgedAll(s, tokens), ""
}

// judgedAll is the state of an adoption that has judged the versions of REFRESH_TOKEN it was
// made of: they may not be readable at the next tick.
func judgedAll(s Snapshot, tokens []store.Entry) State {
	s.Offer(tokens)
	s.State.Inbox.Seen = judging{s}.judged().seen
	return s.State
}

// bornIn is when the first token of a field's chain was stored or issued, as the fields tell;
// zero where that is not known.
func bornIn(all []Field, f Field) time.Time {
	for _, o := range all {
		if o.Version == f.Version {
			return o.Born
		}
	}
	return time.Time{}
}

// forgotten is the version of REFRESH_TOKEN up to which a history holds older tokens that a
// record does not remember any more: of large ones it remembers few.
func forgotten(r Record, history []store.Entry) int64 {
	damaged := r.Past == "" && !r.RotatedAt.IsZero()
	if !damaged && len(r.Past)/pastWidth >= min(r.Generation, store.KeptVersions) {
		return 0
	}
	for _, e := range history {
		if fp := FingerprintOf(FieldOf(e).Value); fp == r.Refresh || r.Past.Has(fp) {
			return e.Version - 1
		}
	}
	return 0
}

// inherited is the doubt about a token that is adopted: what is known of a spend, or may
// have been told by a ledger that was deleted, or by a lock that cannot be read.
func (s Snapshot) inherited(r Record, deleted bool) *Intent {
	doubt := leftBehind(s.Lock, r)
	if in := s.Known.doubted(); in != nil && in.Token == r.Refresh && (doubt == nil || in.First.Before(doubt.First)) {
		doubt = &Intent{Token: in.Token, First: in.First, Last: in.Last}
	}
	if doubt == nil && (deleted || slices.Contains(s.Denied, NamesOf(s.Connection).Lock)) {
		doubt = &Intent{Token: r.Refresh}
	}
	if deleted {
		doubt.Owner, doubt.Last = unknownOwner, time.Time{}
	}
	return doubt
}

// unknownOwner is who may be presenting the token of a ledger that was deleted.
const unknownOwner = "a process whose intent was deleted"

// adopting is the record with which a token is adopted, from TOKEN_FAMILY's if that is
// known.
func adopting(r Record, own Field, known bool, now time.Time) Record {
	token, chain := FingerprintOf(own.Value), chainOf(own.Value)
	switch {
	case known && r.Refresh == token:
	case !known, chain != "" && r.Chain != "" && chain != r.Chain:
		r = Record{AuthorizedAt: stamp(birth(own, now)), AuthorizedAtSource: FromAdoption, Refresh: token}
	default:
		r.Past = r.Past.With(r.Refresh)
		r.Refresh, r.Access, r.Client, r.LastFailure = token, "", "", nil
		r.RotatedAt, r.AccessExpiresAt = time.Time{}, time.Time{}
	}
	if r.AuthorizedAt.IsZero() {
		r.AuthorizedAt, r.AuthorizedAtSource = stamp(birth(own, now)), FromAdoption
	}
	r.Chain = chain
	return r
}

// choose finds the token to begin with: the one that is named, or else the newest. It
// also finds those that were there before. Without one, why says what was found.
func choose(s Snapshot, tokens []store.Entry, record Record, named Fingerprint) (own Field, past Past, why string) {
	why = "it is empty, and its history holds no token"
	seen := map[Fingerprint]bool{}
	for _, e := range tokens {
		f := FieldOf(e)
		fp := FingerprintOf(f.Value)
		switch verdict, reason := beginning(s, f, own, fp == named); {
		case verdict == Absent, seen[fp]:
		case verdict != Candidate:
			why = reason
		case fp != named && record.Past.Has(fp):
			why = "it is older than the token that TOKEN_FAMILY tells of, and presenting it could kill the family: store the newest token, or consent again"
		case fp != named && precedes(f, own):
			past = past.With(fp) // it was put back
		default:
			past, own = past.With(FingerprintOf(own.Value)), f
			if fp == named {
				return own, past, ""
			}
		}
		seen[fp] = true
	}
	if n := len(tokens); n > 0 && named == "" && hides(FieldOf(tokens[n-1]), own) {
		return Field{}, past, tokenform.Problem(FieldOf(tokens[n-1]).Value.Reveal())
	}
	return own, past, why
}

// newestRecord is the newest readable version of TOKEN_FAMILY, or what this process has
// read of the ledger: the one with the latest rotation or consent, and of equal ones the
// one written last. A record copied from another connection counts if it knows one of the
// stored tokens: they were copied with it. A time of the consent that lies in the future is
// none: an earlier version may tell the true one.
func (s Snapshot) newestRecord(records, tokens []store.Entry) (newest Record, found bool) {
	var before Record
	for _, e := range records {
		r, err := readRecord(FieldOf(e).Value.Reveal())
		connection := s.Connection
		if knowsOne(r, tokens) {
			connection = r.Connection
		}
		if err == nil {
			r, err = r.checked(connection)
		}
		if err != nil {
			continue
		}
		if before = datedNow(r, before, s.Now); !found || !before.active().Before(newest.active()) {
			newest, found = before, true
		}
	}
	last := datedNow(s.Known.Record, Record{}, s.Now)
	if !s.Known.Empty() && (!found || newest.active().Before(last.active())) {
		return last, true
	}
	return newest, found
}

// knowsOne reports whether a record knows one of the tokens of a history, as its newest, as an
// older one, or by its chain claim.
func knowsOne(r Record, history []store.Entry) bool {
	return slices.ContainsFunc(history, func(e store.Entry) bool {
		fp := FingerprintOf(FieldOf(e).Value)
		chain := chainOf(FieldOf(e).Value)
		return fp != "" && (fp == r.Refresh || r.Past.Has(fp) || chain != "" && chain == r.Chain)
	})
}

// datedNow returns a record without a time of the consent that lies in the future. The record
// before it may tell the true one.
func datedNow(r, before Record, now time.Time) Record {
	if r.AuthorizedAt.After(now.Add(ClockTolerance)) { // somebody has edited it
		r.AuthorizedAt, r.AuthorizedAtSource = time.Time{}, ""
		if before.Refresh == r.Refresh || r.Past.Has(before.Refresh) || before.Chain == r.Chain && r.Chain != "" {
			r.AuthorizedAt, r.AuthorizedAtSource = before.AuthorizedAt, before.AuthorizedAtSource
		}
	}
	return r
}

// Dated is the record of the state with the age of an adopted family, where something knows that
// better that was put back after REFRESH_TOKEN had been adopted without it.
func Dated(s Snapshot) Record {
	if r := s.State.Record; r.AuthorizedAtSource != FromAdoption {
		return r
	}
	return dated(s, s.State.Record)
}

// dated returns a record with the age that TOKEN_FAMILY tells, also one that was copied with the
// tokens from another prefix, or a ledger that is valid no more, if they know the family.
func dated(s Snapshot, r Record) Record {
	copied, err := readRecord(FieldOf(s.Family).Value.Reveal())
	if err == nil {
		copied, err = copied.checked(copied.Connection)
	}
	if err != nil {
		copied = Record{}
	}
	for _, told := range []Record{copied, s.Aside.Record} {
		same := knows(told, r.Refresh, r.Chain) || knows(r, told.Refresh, told.Chain)
		if same && !told.AuthorizedAt.IsZero() && told.AuthorizedAt.Before(r.AuthorizedAt) {
			r.AuthorizedAt, r.AuthorizedAtSource = told.AuthorizedAt, told.AuthorizedAtSource
		}
	}
	return r
}

// Corrected is a snapshot as it counts: without a ledger that was left behind, with the age that
// something else knows better, and without a consent's app that is published.
func Corrected(s Snapshot) Snapshot {
	if Outdated(s) {
		s.State = State{} // it is begun anew, with what is known
	}
	s.State.Record = Dated(s)
	s.State.App = Unpublished(s)
	return s
}

// Outdated reports whether TOKEN_FAMILY tells of a later rotation than the ledger, whose token it
// knows as an older one: the ledger is one that was left behind, or a backup of a whole store.
func Outdated(s Snapshot) bool {
	told, r := s.Told(), s.State.Record
	return !s.State.Empty() && told != nil && told.Schema == Schema && told.Refresh != r.Refresh && knows(*told, r.Refresh, "") &&
		told.RotatedAt.After(r.RotatedAt) && told.Generation > r.Generation
}

// Newest is the state whose family was last given tokens: what a process has read of a ledger,
// or what stands in an entry that is valid no more.
func Newest(known State, others ...State) State {
	for _, s := range others {
		if !s.Empty() && (known.Empty() || known.Record.active().Before(s.Record.active())) {
			known = s
		}
	}
	return known
}

// active is when the family was last given tokens.
func (r Record) active() time.Time {
	if r.RotatedAt.After(r.AuthorizedAt) {
		return r.RotatedAt
	}
	return r.AuthorizedAt
}

// birth is when a family began whose consent nobody recorded: when its token
// was stored or issued, whichever is earlier, and not in the future.
func birth(token Field, now time.Time) time.Time {
	born := token.Modified
	if born.IsZero() || born.After(now) {
		born = now
	}
	if claims, ok := atlassian.Claims(token.Value); ok && plausible(claims.IssuedAt) && claims.IssuedAt.Before(born) {
		born = claims.IssuedAt
	}
	if !token.Born.IsZero() && token.Born.Before(born) {
		return token.Born
	}
	return born
}

// leftBehind is the first edition's doubt about the token: the intent in its lock,
// and the time of the first spend in its record.
func leftBehind(locked Field, r Record) *Intent {
	var in *Intent
	if f := r.LastFailure; f != nil && !f.FirstSpend.IsZero() {
		in = &Intent{Token: r.Refresh, First: f.FirstSpend, Last: f.At}
	}
	if lock := oldLock(locked); lock.Spending == r.Refresh {
		if !plausible(lock.FirstSpend) {
			lock.FirstSpend = locked.Modified
		}
		if in == nil || lock.FirstSpend.Before(in.First) {
			in = &Intent{Token: r.Refresh, First: lock.FirstSpend}
		}
		in.Last = locked.Modified
	}
	return in
}

// firstEdition is what the first edition wrote into its lock: the token that it was
// about to present, and when that was presented first.
type firstEdition struct {
	Spending   Fingerprint `json:"spending"`
	FirstSpend time.Time   `json:"first_spend"`
}

// oldLock reads a lock of the first edition; what is none says nothing.
func oldLock(locked Field) (lock firstEdition) {
	_, text, _ := strings.Cut(locked.Value.Reveal(), " ")
	if json.Unmarshal([]byte(text), &lock) != nil {
		return firstEdition{}
	}
	return lock
}
