package family

import (
	"cmp"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Judged is how far REFRESH_TOKEN is judged.
type Judged struct {
	// Seen is the version up to which all are judged. Modified is when the newest one was written
	// then.
	Seen     int64     `json:"seen"`
	Modified time.Time `json:"modified,omitzero"`
}

// upTo is the version up to which the present versions are judged, given one of them. If it was
// written later than Modified and has a judged number, the parameter was deleted and begun again.
func (j Judged) upTo(version int64, modified time.Time) int64 {
	if version <= j.Seen && modified.After(j.Modified) {
		return 0
	}
	return j.Seen
}

// Inbox is what is known of the values that others wrote to REFRESH_TOKEN.
type Inbox struct {
	Judged
	// Kin is the version up to which candidates count as the family's own: those that were there
	// when the ledger began.
	Kin int64 `json:"kin,omitempty"`
	// Pending are the candidates that were presented without a definite answer, the
	// last one first.
	Pending []Pending `json:"in_doubt,omitempty"`
	// Rejected are the last candidates that Atlassian did not accept. Failure is the newest
	// failure to ask about one.
	Rejected []Rejected `json:"rejected,omitempty"`
	Failure  *Failure   `json:"failure,omitempty"`
}

// Pending is a candidate in doubt.
type Pending struct {
	Version int64       `json:"version"`
	Token   Fingerprint `json:"token"`
	// First is when it was, or may have been, presented first.
	First time.Time `json:"first,omitzero"`
	// Stored is when it was stored, if it is the own token's successor as far as is known; zero
	// for a stranger. Psoxys: psoxy stored it.
	Stored time.Time `json:"stored,omitzero"`
	Psoxys bool      `json:"psoxys,omitempty"`
}

// Rejected is a candidate that Atlassian did not accept under some credentials. Under others it
// may be good, and refusals have been mistaken. Token is empty until Atlassian has refused it: a
// request that could not be read says nothing of it.
type Rejected struct {
	Version     int64       `json:"version"`
	Token       Fingerprint `json:"token,omitempty"`
	Credentials Fingerprint `json:"credentials"`
	// At is the time of the newest answer. First is when it was presented first, if an answer was
	// lost before. Count does not count the answers inside the leeway of First. Stored and Psoxys
	// are as in Pending.
	At     time.Time `json:"at"`
	Count  int       `json:"count"`
	First  time.Time `json:"first,omitzero"`
	Stored time.Time `json:"stored,omitzero"`
	Psoxys bool      `json:"psoxys,omitempty"`
}

// candidatesKept is how many candidates of each kind a state remembers.
const candidatesKept = 8

// after returns the inbox once everything up to a version is older than the token in use. All of
// it was written before the entry that says so, and that one's time is filled in as Modified.
func (i Inbox) after(version int64) Inbox {
	if version > i.Seen {
		i.Judged = Judged{Seen: version}
	}
	return i.without(func(v int64, _ time.Time) bool { return v <= version })
}

// kept returns the inbox without candidates that no history holds any more.
func (i Inbox) kept() Inbox {
	return i.without(func(v int64, _ time.Time) bool { return v <= i.Seen-store.KeptVersions })
}

// without returns the inbox without candidates that are gone. at is when one was last asked
// about.
func (i Inbox) without(gone func(version int64, at time.Time) bool) Inbox {
	i.Pending = slices.DeleteFunc(slices.Clone(i.Pending), func(p Pending) bool { return gone(p.Version, p.First) })
	i.Rejected = slices.DeleteFunc(slices.Clone(i.Rejected), func(r Rejected) bool { return gone(r.Version, r.At) })
	return i
}

// Presented returns the inbox with one more candidate in doubt.
func (i Inbox) Presented(p Pending) Inbox {
	i.Pending = remember(p, i.answered(p.Version).Pending)
	return i
}

// remember puts a candidate before others, and forgets the last of too many.
func remember[T any](newest T, others []T) []T {
	all := append([]T{newest}, others...)
	return all[:min(len(all), candidatesKept)]
}

// answered returns the inbox in which a candidate is no more in doubt.
func (i Inbox) answered(version int64) Inbox {
	i.Pending = slices.DeleteFunc(slices.Clone(i.Pending), func(p Pending) bool { return p.Version == version })
	return i
}

// pending is the candidate in doubt of the given version; Version 0 without one.
func (i Inbox) pending(version int64) Pending {
	for _, p := range i.Pending {
		if p.Version == version {
			return p
		}
	}
	return Pending{}
}

// rejected is the refused candidate of the given version; Version 0 without one.
func (i Inbox) rejected(version int64) Rejected {
	for _, r := range i.Rejected {
		if r.Version == version {
			return r
		}
	}
	return Rejected{}
}

// first is when a candidate was presented first, if that answer was lost. It is zero without such
// an attempt, and after a refusal that came when the leeway was over.
func (i Inbox) first(version int64) time.Time {
	if p := i.pending(version); p.Version > 0 {
		return p.First
	}
	if r := i.rejected(version); open(r.First, r.At) {
		return r.First
	}
	return time.Time{}
}

// reject returns the inbox in which a candidate is refused, and no more in doubt.
func (i Inbox) reject(version int64, f Failure, at time.Time) Inbox {
	p, old := i.pending(version), i.rejected(version)
	r := Rejected{Version: version, Credentials: f.Credentials, At: stamp(at), Count: 1, First: stamp(f.FirstSpend), Stored: p.Stored, Psoxys: p.Psoxys}
	if f.Class == atlassian.Permanent.String() {
		r.Token = f.Token
	}
	if old.Credentials == f.Credentials && !open(r.First, at) {
		r.Count += old.Count
		r.Token = cmp.Or(r.Token, old.Token)
		r.Psoxys = r.Psoxys || old.Psoxys
		r.Stored, r.First = cmp.Or(r.Stored, old.Stored), cmp.Or(r.First, old.First)
	}
	i = i.without(func(v int64, _ time.Time) bool { return v == version })
	i.Rejected = remember(r, i.Rejected)
	return i
}

// crowded reports whether a field may be a refused candidate that is forgotten, and would be
// asked about for ever. It is if the inbox is full of refused ones that are all later. It is not
// if it is in doubt, or a person has stored it again. Nor is it if it was stored after one of the
// refusals, for the parameter was deleted since.
func (i Inbox) crowded(f Field) bool {
	full := len(i.Rejected) == candidatesKept && i.pending(f.Version).Version == 0
	return full && f.Again.IsZero() && !slices.ContainsFunc(i.Rejected, func(r Rejected) bool {
		return r.Version <= f.Version || r.At.Before(f.Modified)
	})
}

// failure is the refusal of a candidate that has become the own token.
func (r Rejected) failure() *Failure {
	first := cmp.Or(r.First, r.At)
	return &Failure{Class: atlassian.Permanent.String(), At: r.At, Count: r.Count, Token: r.Token, Credentials: r.Credentials, Since: first, First: first}
}

// sibling reports whether a refused candidate would be a sibling of the own token.
func (r Rejected) sibling(own Record) bool { return !r.Stored.IsZero() && own.RotatedAt.After(r.At) }

// TakesTurns reports whether a refused candidate may be the own token's successor. Then both are
// asked about in turn.
func (i Inbox) TakesTurns(own Record) bool {
	return slices.ContainsFunc(i.Rejected, func(r Rejected) bool { return !r.Stored.IsZero() && !r.sibling(own) })
}

// spent reports whether a refused candidate was surely spent: an answer was lost, and the refusal
// came when its leeway was over.
func (r Rejected) spent() bool { return !r.First.IsZero() && !open(r.First, r.At) }

// outlived returns the inbox after the own token, which was received at one time, was accepted at
// another. A candidate that was stored a leeway before is a stranger then: the own token would be
// dead if this were its successor. One that was a sibling already stays one.
func (i Inbox) outlived(came, accepted time.Time) Inbox {
	i.Rejected = slices.Clone(i.Rejected)
	for n, r := range i.Rejected {
		if !came.After(r.At) && !accepted.Before(r.Stored.Add(Leeway)) {
			i.Rejected[n].Stored = time.Time{}
		}
	}
	return i
}

// askedAnew returns the inbox after a refusal that was a mistake. The others may be mistakes, too:
// each candidate is asked about again, as after its first refusal.
func (i Inbox) askedAnew() Inbox {
	i.Rejected = slices.Clone(i.Rejected)
	for n := range i.Rejected {
		i.Rejected[n].Count = 1
	}
	return i
}
