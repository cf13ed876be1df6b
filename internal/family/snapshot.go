package family

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Field is one parameter of a connection.
type Field struct {
	// Value without the white space that a person's paste leaves around it;
	// empty if the parameter is absent, blank or not filled in yet.
	Value atlassian.Secret
	// Version is the store's; 0 if the parameter does not exist. Since is the first
	// that held the value, as far as is known.
	Version  int64
	Since    int64
	Modified time.Time
	// By is who wrote it, where the store tells.
	By string
}

// FieldOf reads one parameter the way a person fills it in: trimmed, and empty
// where it is not filled in.
func FieldOf(e store.Entry) Field {
	f := Field{Version: e.Version, Since: e.Version, Modified: e.Modified, By: e.By}
	var stack [1024]byte
	switch v := bytes.TrimSpace(e.Value.AppendReveal(stack[:0])); {
	case string(v) == psoxy.Unfilled:
	case len(v) == e.Value.Len():
		f.Value = e.Value
	default:
		f.Value = atlassian.NewSecret(string(v))
	}
	return f
}

// Snapshot is a connection as it was read.
type Snapshot struct {
	Connection string
	// Now is the time of the reading, by the store's clock.
	Now time.Time
	// State is what the ledger says, and Written when the store wrote that.
	State   State
	Written time.Time

	ClientID     Field
	ClientSecret Field
	// RefreshToken is the inbox, and with AccessToken a copy.
	RefreshToken Field
	AccessToken  Field
	// AccessExpires is when the access token expires, where its own form says so,
	// and AccessFormat the form in which consumers expect it.
	AccessExpires time.Time
	AccessFormat  psoxy.AccessFormat
	CloudID       Field
	// Family is TOKEN_FAMILY; nil if it does not exist or FamilyErr is set, which
	// says why it cannot be used.
	Family    *Record
	FamilyErr error
	// Lock is psoxy's lock; its Version is 0 if nobody holds it.
	Lock Field
	// Denied are the names of copies that could not be read.
	Denied []string

	// Offers are the versions of REFRESH_TOKEN that are not judged yet, oldest
	// first, and Judged what this process has judged before.
	Offers []Field
	Judged Judged
	// Partial: the history could not be read, and Offers has the newest version only.
	Partial bool
	// Process names the reader: intents that it left behind are its own.
	Process string
	// Held is a pair that this process holds and that is not in the ledger yet; nil
	// if it holds none.
	Held *Receipt
	// HoldsAccess: the process holds the newest access token, and can publish it.
	HoldsAccess bool
}

// NewSnapshot makes a snapshot of what was read under the connection's names.
func NewSnapshot(c Connection, entries map[string]store.Entry) Snapshot {
	n := c.Names()
	s := Snapshot{
		Connection:   c.Name,
		ClientID:     FieldOf(entries[n.ClientID]),
		ClientSecret: FieldOf(entries[n.ClientSecret]),
		RefreshToken: FieldOf(entries[n.RefreshToken]),
		AccessToken:  FieldOf(entries[n.AccessToken]),
		CloudID:      FieldOf(entries[n.CloudID]),
		Lock:         FieldOf(entries[n.Lock]),
	}
	s.AccessToken.Value, s.AccessExpires, s.AccessFormat = psoxy.DecodeAccessToken(s.AccessToken.Value)
	s.AccessFormat = c.Policy.AccessFormat.Or(s.AccessFormat)
	for _, e := range entries {
		if e.ReadAt.After(s.Now) {
			s.Now = e.ReadAt
		}
	}
	if f := FieldOf(entries[n.Family]); !f.Value.IsZero() {
		r, err := ParseRecord(f.Value.Reveal(), c.Name)
		if err != nil {
			s.FamilyErr = fmt.Errorf("%s %w", n.Family, err)
		} else {
			s.Family = &r
		}
	}
	return s
}

// Shared reports whether psoxy rotates too: access tokens are stored in its form.
func (s Snapshot) Shared() bool { return s.AccessFormat == psoxy.JSON }

// inboxName is the name of REFRESH_TOKEN.
func (s Snapshot) inboxName() string { return s.Connection + refreshToken }

// App is the app whose tokens these are: that of a consent which is not
// published yet, or else the one that the parameters hold.
func (s Snapshot) App() atlassian.App {
	if s.State.App != nil {
		return *s.State.App
	}
	return atlassian.App{ClientID: s.ClientID.Value.Reveal(), ClientSecret: s.ClientSecret.Value}
}

// Credentials is the fingerprint of the app's id and secret together.
func (s Snapshot) Credentials() Fingerprint {
	app := s.App()
	return FingerprintOf(atlassian.NewSecret(app.ClientID + "\n" + app.ClientSecret.Reveal()))
}

// InboxSettled reports whether REFRESH_TOKEN holds nothing that is not judged, or
// nothing that can be read: then its history need not be read.
func (s Snapshot) InboxSettled() bool {
	f, seen := s.RefreshToken, s.seen()
	copied := FingerprintOf(f.Value) == s.State.Record.Refresh
	return slices.Contains(s.Denied, s.inboxName()) ||
		s.State.Inbox.Pending == nil && !slices.ContainsFunc(s.State.Inbox.Rejected, s.again) &&
			(f.Version == 0 && seen == 0 || f.Version == seen || f.Version == seen+1 && copied)
}

func (s Snapshot) again(r Rejected) bool {
	if r.Version <= s.State.Inbox.Kin && s.State.Record.RotatedAt.After(r.At) {
		return false // it would be a sibling by now
	}
	own := s.State.Record
	ownTurn := own.Refused() && !s.Now.Before(own.probeAt()) && r.At.Before(own.probeAt()) // the own token comes after it
	return ownTurn || r.again(s.Credentials(), own.Refused(), s.Now)
}

// seen is the version up to which the inbox is judged.
func (s Snapshot) seen() int64 {
	if s.State.unproven() && s.State.Record.refusedTwice() {
		return 0 // the right token may be in the history
	}
	f := s.RefreshToken
	if f.Version == 0 && !slices.Contains(s.Denied, s.inboxName()) {
		return 0 // it was deleted
	}
	return max(s.State.Inbox.upTo(f.Version, f.Modified), s.Judged.upTo(f.Version, f.Modified))
}

// Offer takes in a history of REFRESH_TOKEN. Its fields that are not judged yet
// become the offers: those after what was seen, a candidate in doubt, and rejected
// ones that may be good. Each counts as stored when its value was stored first, and
// is offered once.
func (s *Snapshot) Offer(history []store.Entry) {
	for _, e := range history {
		s.forget(e)
	}
	in, seen := s.State.Inbox, s.seen()
	first := map[atlassian.Secret]Field{}
	for _, e := range history {
		f := FieldOf(e)
		if before, again := first[f.Value]; again {
			f.Modified, f.Since = before.Modified, before.Since
		}
		first[f.Value] = f
		offered := slices.ContainsFunc(s.Offers, func(o Field) bool { return o.Value == f.Value })
		if e.Version > seen && !offered || in.Pending != nil && in.Pending.Version == e.Version ||
			slices.ContainsFunc(in.Rejected, func(r Rejected) bool { return r.Version == e.Version && s.again(r) }) {
			s.Offers = append(s.Offers, f)
		}
	}
}

// forget drops what is known of a version number, where the version was written
// later: what is known is of a deleted parameter.
func (s *Snapshot) forget(e store.Entry) {
	in := &s.State.Inbox
	anew := func(version int64, known time.Time) bool { return version == e.Version && e.Modified.After(known) }
	in.Seen = in.upTo(e.Version, e.Modified)
	in.Kin = Judged{in.Kin, in.Modified}.upTo(e.Version, e.Modified)
	s.Judged.Seen = s.Judged.upTo(e.Version, e.Modified)
	if p := in.Pending; p != nil && anew(p.Version, p.First) {
		in.Pending = nil
	}
	if gone := func(r Rejected) bool { return anew(r.Version, r.At.Add(time.Second)) }; slices.ContainsFunc(in.Rejected, gone) { // the store tells whole seconds
		in.Rejected = slices.DeleteFunc(slices.Clone(in.Rejected), gone)
	}
}

// inbox is what the offers come to.
type inbox struct {
	// candidate is the newest candidate; Version 0 if there is none.
	candidate Field
	// seen is the version up to which all is judged without it.
	seen int64
	// notice says what was found that is not ours, for people.
	notice string
	// spent are tokens that psoxy may have presented: what stands over them is its
	// successor.
	spent []Fingerprint
}

// judged judges the offers, the newest first. A candidate that was rejected
// under the same credentials is none any more.
func (s Snapshot) judged() inbox {
	in := inbox{seen: max(s.seen(), s.RefreshToken.Version)}
	name := s.inboxName()
	rescued := false
	var over Field // the token that stands over f, with no copy of ours between
	for _, f := range slices.Backward(s.Offers) {
		verdict, reason, waits := s.verdict(f)
		spent := verdict == Candidate && s.Shared() && over.Version == f.Version+1 && kin(over, f)
		switch {
		case verdict == Candidate, waits:
			over = f
		case over.Version == f.Version+1 && (verdict == NoToken || verdict == Absent):
			over.Version = f.Version
		}
		if verdict == Candidate {
			in.seen = min(in.seen, f.Version-1)
		}
		switch {
		case spent:
			in.spent = append(in.spent, FingerprintOf(f.Value))
		case verdict == Candidate:
			// First one that was received and could not be saved, then one in doubt, then
			// the newest.
			if s.rescued(FingerprintOf(f.Value)) {
				in.candidate, rescued = f, true
			}
			if !rescued && (in.candidate.Version == 0 || open(s.State.Inbox.first(f.Version), s.Now)) {
				in.candidate = f
			}
		case verdict == Copied, verdict == Older && f.Version < s.RefreshToken.Version:
			// ours, and written over since
		case in.notice == "" && f.Version > s.Judged.Seen:
			in.notice = fmt.Sprintf("%s was written over%s: %s", name, writer(f.By), reason)
		}
	}
	if s.Partial {
		in.seen = min(in.seen, s.seen())
	}
	if s.RefreshToken.Version == 0 && s.State.Inbox.Seen > 0 && !slices.Contains(s.Denied, name) {
		in.notice = name + " was deleted"
	}
	return in
}

// verdict judges a field. waits: Atlassian refused it once, and is asked again soon.
func (s Snapshot) verdict(f Field) (verdict Judgement, reason string, waits bool) {
	for _, r := range s.State.Inbox.Rejected {
		if r.Version == f.Version && !s.again(r) {
			return NoToken, "Atlassian did not accept it", r.Count == 1
		}
	}
	fp := FingerprintOf(f.Value)
	switch verdict, reason = s.State.Judge(f); {
	case verdict != Candidate || !s.rescued(fp):
	case s.State.Record.olderFamily(*s.Family):
		return Older, "it is of a family before the one in use", false
	case fp == s.Sibling():
		return Older, "another process has received a newer one for the same token", false
	}
	return verdict, reason, false
}

// continues reports whether a candidate counts as the family's next generation:
// its chain claim says so or, where there is none, psoxy shares the rotation, or it
// stood there when the ledger began, or TOKEN_FAMILY names it.
func (s Snapshot) continues(candidate Field) bool {
	if mine, its := s.State.Record.Chain, chainOf(candidate.Value); mine != "" && its != "" {
		return mine == its
	}
	return s.Shared() || candidate.Since <= s.State.Inbox.Kin || s.rescued(FingerprintOf(candidate.Value))
}

// kin reports whether two tokens may be of one family.
func kin(a, b Field) bool {
	x, y := chainOf(a.Value), chainOf(b.Value)
	return x == y || x == "" || y == ""
}

func writer(by string) string {
	if by == "" {
		return ""
	}
	return " by " + by
}
