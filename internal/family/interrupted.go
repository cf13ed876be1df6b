package family

import (
	"slices"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// interrupted reports whether our lock tells of a rotation, or a consent, that
// ended after REFRESH_TOKEN was written and before TOKEN_FAMILY was: then it is
// not known whose the stored token is.
func (s Snapshot) interrupted() bool {
	l := s.Lock
	return l != nil && l.Intent != nil && s.RefreshToken.Version > l.Intent.Version &&
		(l.Intent.Version > 0 || l.Intent.Consent) && l.Intent.Spending != s.Token() &&
		(s.Family == nil || s.Family.Refresh != s.Token())
}

// Reconciled tells which refresh token belongs on top after an interrupted
// rotation, and the record of its family. history is what REFRESH_TOKEN held
// from the version on that the rotation had read.
//
// What the lock names is the spent token's successor. What anybody else wrote
// since may be a new consent and wins, whether the keeper wrote before or after
// it, unless its chain claim says that it is of the same family. So does
// TOKEN_FAMILY, of what another keeper received for the same token: of the two,
// the spend that began last wins.
func (s Snapshot) Reconciled(history []store.Entry, p Policy) (top store.Entry, r Record) {
	in := s.Lock.Intent
	base := s.spent(history, p)
	var ours, theirs, rival store.Entry
	for _, e := range history {
		token := FieldOf(e).Value
		switch fp := FingerprintOf(token); {
		case in.Consent && s.Family != nil && fp == s.Family.Refresh: // what it replaces, missed by a stale read
		case fp == "", fp == in.Spending, e.Version <= in.Version, slices.Contains(base.Previous, fp):
		case fp == in.Successor || base.Chain != "" && chainOf(token) == base.Chain:
			ours = e
		case s.Family != nil && fp == s.Family.Refresh && s.Family.age(in.Spending) > 0:
			rival = e
		default:
			theirs = e
		}
	}
	switch {
	case theirs.Version != 0:
		top, s.Lock = theirs, nil
		s.RefreshToken = FieldOf(top)
	case rival.Version != 0 && (ours.Version == 0 || s.Family.RotatedAt.After(in.Attempt)):
		top, s.Lock = rival, nil
		s.RefreshToken = FieldOf(top)
	case ours.Version != 0:
		top, s.Family = ours, &base
		if in.Consent {
			s.Family = nil // it begins a family
		}
		s.RefreshToken = FieldOf(top)
	default: // nothing was written since; the token was there before
		s.Lock = nil
		return top, s.Lineage(s.RefreshToken.Modified, p)
	}
	return top, s.Lineage(s.RefreshToken.Modified, p)
}

// spent is the record of the token that the interrupted rotation spent.
func (s Snapshot) spent(history []store.Entry, p Policy) Record {
	spending := s.Lock.Intent.Spending
	s.Lock = nil
	if s.Family != nil {
		if age := s.Family.age(spending); age > 0 {
			r := *s.Family
			r.Refresh, r.Previous, r.Generation = spending, r.Previous[age:], r.Generation-age
			return r
		}
	}
	for _, e := range history {
		if f := FieldOf(e); FingerprintOf(f.Value) == spending {
			s.RefreshToken = f
			return s.Lineage(e.Modified, p)
		}
	}
	if s.Family != nil {
		return *s.Family
	}
	return Record{Connection: s.Connection, AuthorizedAt: stamp(s.RefreshToken.Modified), AuthorizedAtSource: FromAdoption, Refresh: spending}
}
