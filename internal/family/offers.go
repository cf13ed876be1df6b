package family

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// youngInbox is the version up to which numbers prove nothing. REFRESH_TOKEN may have been
// deleted and begun again, with another value under our copy.
const youngInbox = 24

// InboxSettled reports whether the history of REFRESH_TOKEN need not be read: everything is
// judged, or nothing can be read.
func (s Snapshot) InboxSettled() bool {
	j := judge{s}
	f, seen := s.RefreshToken, j.seen()
	copied := FingerprintOf(f.Value) == s.State.Record.Refresh
	return s.denied(s.inboxName()) ||
		len(s.State.Inbox.Pending) == 0 && !slices.ContainsFunc(s.State.Inbox.Rejected, j.again) &&
			(f.Version == seen || f.Version == seen+1 && copied && f.Version > youngInbox)
}

// Deleted reports whether REFRESH_TOKEN was deleted since it was judged.
func (s Snapshot) Deleted() bool {
	return s.RefreshToken.Version == 0 && s.State.Inbox.Seen > 0 && !s.denied(s.inboxName())
}

// seen is the version up to which the inbox is judged.
func (s judge) seen() int64 {
	if s.State.Record.Refused() || disproven(s.State) {
		return 0 // a living token may be in the history
	}
	f := s.RefreshToken
	if f.Version == 0 && !s.denied(s.inboxName()) {
		return 0 // it was deleted
	}
	return s.lastJudged().upTo(f.Version, f.Modified)
}

// lastJudged is what was judged last, by this process or another.
func (s judge) lastJudged() Judged {
	theirs, ours := s.State.Inbox.Judged, s.Judged
	if later := ours.Modified.Compare(theirs.Modified); later > 0 || later == 0 && ours.Seen > theirs.Seen {
		return ours
	}
	return theirs
}

// Offer takes in a history of REFRESH_TOKEN. Its fields that are not judged yet become the
// offers, and so do candidates in doubt and refused ones that may be good. Each value is offered
// once, as of the time when it was stored first.
func (s *Snapshot) Offer(history []store.Entry) {
	s.forget(history)
	for _, e := range history {
		if in := s.State.doubted(); in != nil && in.Owner == unknownOwner && e.Modified.Before(in.Last.Add(Lease)) {
			s.State.Inbox.Kin = max(s.State.Inbox.Kin, e.Version) // by a process that was at work when the ledger was deleted
		}
	}
	j := judge{*s}
	in, seen := s.State.Inbox, max(j.seen(), forgotten(s.State.Record, history))
	for _, f := range fields(history, s.Now) {
		at := slices.IndexFunc(s.Offers, func(o Field) bool { return o.Value == f.Value && !f.Value.IsZero() })
		if at >= 0 && !slices.ContainsFunc(s.Offers[at+1:], j.isCandidate) {
			s.Offers[at].Until = f.Until
		}
		r := in.rejected(f.Version)
		asked := r.Version > 0 && (j.again(r) || j.looksAgain(r))
		if f.Version > seen && at < 0 || in.pending(f.Version).Version > 0 || asked {
			s.Offers = append(s.Offers, f)
		}
	}
	slices.SortStableFunc(s.Offers, func(a, b Field) int { return cmp.Compare(a.Since, b.Since) })
}

// fields are the versions of a history, with what the others tell of each: when its value was
// stored first, and when its family was born.
func fields(history []store.Entry, now time.Time) (all []Field) {
	latest, born := map[atlassian.Secret]Field{}, map[Fingerprint]time.Time{}
	for i, e := range history {
		f := FieldOf(e)
		if i+1 < len(history) {
			f.Until = history[i+1].Modified
		}
		if before, again := latest[f.Value]; again {
			f.Modified, f.Since, f.Again = before.Modified, before.Since, e.Modified
		}
		latest[f.Value] = f
		if chain := chainOf(f.Value); chain != "" {
			born[chain] = earlier(born[chain], birth(f, now))
		}
		all = append(all, f)
	}
	for i, f := range all {
		all[i].Again = latest[f.Value].Again
		all[i].Born = born[chainOf(f.Value)] // an older token may have been put back over a newer one
	}
	return all
}

// forget drops what is known of version numbers that were written again later: the parameter was
// deleted since.
func (s *Snapshot) forget(history []store.Entry) {
	in := &s.State.Inbox
	for _, e := range history {
		in.Seen = in.upTo(e.Version, e.Modified)
		in.Kin = Judged{in.Kin, in.Modified}.upTo(e.Version, e.Modified)
		s.Judged.Seen = s.Judged.upTo(e.Version, e.Modified)
		*in = in.without(func(version int64, asked time.Time) bool {
			return version == e.Version && e.Modified.After(asked.Add(clockStep))
		})
	}
}

// forgotten is the version up to which a history holds older tokens that a record has forgotten.
// Of large tokens it remembers few.
func forgotten(r Record, history []store.Entry) int64 {
	damaged := r.Past == "" && !r.RotatedAt.IsZero()
	if !damaged && len(r.Past)/pastWidth >= min(r.Generation, store.KeptVersions) {
		return 0
	}
	for _, e := range history {
		if had(r, FingerprintOf(FieldOf(e).Value)) {
			return e.Version - 1
		}
	}
	return 0
}
