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

// Adopt returns the first state of a ledger that is new or was deleted. tokens and records are
// the kept versions of REFRESH_TOKEN and TOKEN_FAMILY. If nothing can be adopted, why says so.
//
// Two things can name the token to begin with: TOKEN_FAMILY, or without it the first edition's
// lock. What this process has read of a deleted ledger counts like a version of TOKEN_FAMILY.
// What was stored after the named token are candidates of its family. Without a name the ledger
// begins with the token that was stored for the first time last: an older one that was put back
// has been there before, or its claims tell. That token counts as one of TOKEN_FAMILY's family,
// unless its chain claim says otherwise: a true age matters more than a fresh year.
func (s Snapshot) Adopt(tokens, records []store.Entry, p Policy) (state State, why string) {
	record, known := newestRecord(s, records, tokens)
	named := record.Refresh
	if !known {
		named = oldLock(s.Lock).Spending
	}
	own, past, why := choose(s, fields(tokens, s.Now), record, named)
	if last := s.Known; named == last.Record.Refresh && named != FingerprintOf(own.Value) && named != "" {
		own = Field{Value: last.Refresh} // REFRESH_TOKEN took no writes; what it holds is judged later
	}
	if own.Value.IsZero() {
		return State{}, s.inboxName() + ": " + why
	}
	token, top := FingerprintOf(own.Value), s.RefreshToken
	inbox := Inbox{Judged: Judged{top.Version, top.Modified}}
	deleted := record.Schema == Schema // there was a ledger
	if token == named {
		if inbox.Seen, inbox.Kin = own.Version, top.Version; deleted {
			inbox.Seen, past = 0, "" // what was there before and is not known was never judged
		}
	}
	record = adopting(record, own, s.Now)
	record.Schema, record.Connection = Schema, s.Connection
	record.LifetimeDays = p.Lifetime.Hours() / 24
	record.Past = record.Past.Merge(past)
	record.AccessFormat = remembered(s.AccessFormat)
	if another := record.Access != FingerprintOf(s.AccessToken.Value); record.Access == "" || another && !s.Shared() { // or it is psoxy's
		record.Access, record.AccessExpiresAt = FingerprintOf(s.AccessToken.Value), stamp(s.AccessExpires)
	}
	s.State = State{Refresh: own.Value, Record: record, Intent: inherited(s, record, deleted), Inbox: inbox}
	s.Offer(tokens)
	s.State.Inbox.Seen = judge{s}.judged().seen // they may not be readable at the next tick
	return s.State, ""
}

// inherited is the doubt about a token that is adopted. A spend may be known. Otherwise a deleted
// ledger may have told of one, or a lock that cannot be read.
func inherited(s Snapshot, r Record, deleted bool) *Intent {
	doubt := leftBehind(s.Lock, r)
	if in := s.Known.doubted(); in != nil && in.Token == r.Refresh && (doubt == nil || in.First.Before(doubt.First)) {
		doubt = &Intent{Token: in.Token, First: in.First, Last: in.Last}
	}
	if doubt == nil && (deleted || s.denied(NamesOf(s.Connection).Lock)) {
		doubt = &Intent{Token: r.Refresh}
	}
	if deleted {
		doubt.Owner, doubt.Last = unknownOwner, time.Time{}
	}
	return doubt
}

// unknownOwner is the owner of an intent that a deleted ledger may have held.
const unknownOwner = "a process whose intent was deleted"

// adopting is the record with which a token is adopted. It continues TOKEN_FAMILY's, if that is
// known.
func adopting(r Record, own Field, now time.Time) Record {
	token, chain := FingerprintOf(own.Value), chainOf(own.Value)
	switch {
	case r.Refresh == token:
	case r.Refresh == "", chain != "" && r.Chain != "" && chain != r.Chain:
		r = Record{Refresh: token}
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

// choose finds the token to begin with: the named one, or else the newest. past are the tokens
// before it. Without a token, why says what was found.
func choose(s Snapshot, history []Field, record Record, named Fingerprint) (own Field, past Past, why string) {
	why = "it is empty, and its history holds no token"
	seen := map[Fingerprint]bool{}
	for _, f := range history {
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
	if n := len(history); n > 0 && named == "" && hides(history[n-1], own) {
		return Field{}, past, tokenform.Problem(history[n-1].Value.Reveal())
	}
	return own, past, why
}

// beginning judges a token with which a ledger may begin, after an earlier one in the history.
// The one that TOKEN_FAMILY names is whole.
func beginning(s Snapshot, f, own Field, named bool) (Judgement, string) {
	verdict, reason := (State{}).Judge(f)
	before, _, _ := strings.Cut(own.Value.Reveal(), f.Value.Reveal())
	named = named || strings.HasSuffix(before, ":") || strings.HasSuffix(before, "=") // a name stood before it
	part := f.Value.Len() < own.Value.Len() && tokenform.MadeOf(f.Value.Reveal(), own.Value.Reveal()) != ""
	switch name := stands(s, f); {
	case verdict != Candidate:
		return verdict, reason
	case name != "":
		return NoToken, "it is what " + name + " holds, too"
	case part && !named:
		return NoToken, "it is a part of the token that stood there before"
	}
	return Candidate, ""
}

// hides reports whether a damaged text was made of the successor of the token under it, as their
// claims tell.
func hides(top, own Field) bool {
	text := top.Value.Reveal()
	return precedes(own, Field{Value: atlassian.NewSecret(tokenform.Within(text))}) && tokenform.Problem(text) != ""
}

// newestRecord is the newest of the readable versions of TOKEN_FAMILY and of what this process
// has read of the ledger: the one with the latest rotation or consent, and of equal ones the
// last. A record that was copied from another connection counts only if it knows a stored token:
// that was copied, too.
func newestRecord(s Snapshot, records, tokens []store.Entry) (newest Record, found bool) {
	var before Record
	for _, e := range records {
		read, _ := readRecord(FieldOf(e).Value.Reveal())
		connection := s.Connection
		if knowsOne(read, tokens) {
			connection = read.Connection
		}
		r, err := read.checked(connection)
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

// knowsOne reports whether a record knows one of the tokens of a history, by fingerprint or chain
// claim.
func knowsOne(r Record, history []store.Entry) bool {
	return slices.ContainsFunc(history, func(e store.Entry) bool {
		fp := FingerprintOf(FieldOf(e).Value)
		chain := chainOf(FieldOf(e).Value)
		return fp != "" && (had(r, fp) || chain != "" && chain == r.Chain)
	})
}

// datedNow returns a record without a consent in the future, which somebody has edited. The
// record before it may tell the true time.
func datedNow(r, before Record, now time.Time) Record {
	if r.AuthorizedAt.After(now.Add(ClockTolerance)) {
		r.AuthorizedAt, r.AuthorizedAtSource = time.Time{}, ""
		if had(r, before.Refresh) || before.Chain == r.Chain && r.Chain != "" {
			r.AuthorizedAt, r.AuthorizedAtSource = before.AuthorizedAt, before.AuthorizedAtSource
		}
	}
	return r
}

// dated returns a record with the true age of its family, if TOKEN_FAMILY or a ledger that is
// valid no more tells that. Both may have been copied from another prefix together with the
// tokens.
func dated(s Snapshot, r Record) Record {
	read, _ := readRecord(FieldOf(s.Family).Value.Reveal())
	copied, _ := read.checked(read.Connection) // the zero Record knows no family
	for _, told := range []Record{copied, s.Aside.Record} {
		same := knows(told, r.Refresh, r.Chain) || knows(r, told.Refresh, told.Chain)
		if same && !told.AuthorizedAt.IsZero() && told.AuthorizedAt.Before(r.AuthorizedAt) {
			r.AuthorizedAt, r.AuthorizedAtSource = told.AuthorizedAt, told.AuthorizedAtSource
		}
	}
	return r
}

// birth is when a family began whose consent nobody recorded: when its first known token was
// stored or issued, whichever is earlier, and not in the future.
func birth(token Field, now time.Time) time.Time {
	born := earlier(now, token.Modified)
	if claims, _ := atlassian.Claims(token.Value); plausible(claims.IssuedAt) {
		born = earlier(born, claims.IssuedAt)
	}
	return earlier(born, token.Born)
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

// firstEdition is the lock of the first edition. It names the token that was about to be
// presented, and when that was presented first.
type firstEdition struct {
	Spending   Fingerprint `json:"spending"`
	FirstSpend time.Time   `json:"first_spend"`
}

// oldLock reads a lock of the first edition; zero if it is none.
func oldLock(locked Field) (lock firstEdition) {
	_, text, _ := strings.Cut(locked.Value.Reveal(), " ")
	if json.Unmarshal([]byte(text), &lock) != nil {
		return firstEdition{}
	}
	return lock
}
