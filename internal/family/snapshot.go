package family

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Unfilled is the value that psoxy's Terraform gives to a parameter which a
// person has yet to fill in; it means absent.
const Unfilled = "fill me"

// Field is one secret of a connection.
type Field struct {
	// Value without the white space that a person's paste leaves around it;
	// empty if the parameter is absent, blank or not filled in yet.
	Value atlassian.Secret
	// Version is the store's; 0 if the parameter does not exist.
	Version  int64
	Modified time.Time
}

// Snapshot is a connection as it was read from the store.
type Snapshot struct {
	Connection   string
	ClientID     Field
	ClientSecret Field
	RefreshToken Field
	AccessToken  Field
	// AccessExpires is when the access token expires, where its own form says so.
	AccessExpires time.Time
	// Family is TOKEN_FAMILY; nil if it does not exist or FamilyErr is set.
	Family *Record
	// FamilyErr says why TOKEN_FAMILY cannot be used.
	FamilyErr error
	// FamilyVersion is 0 if TOKEN_FAMILY does not exist.
	FamilyVersion int64
	// Lock is nil if nobody holds it.
	Lock *Lock
	// Process names the reader: locks it left behind are its own.
	Process string
	// Held is a pair that this process received and could not save completely.
	Held *Held
}

// Held is a received pair on its way into the store.
type Held struct {
	Pair Pair
	// Record is the TOKEN_FAMILY to be saved with it.
	Record Record
	// Spent is the refresh token that the pair succeeded, FirstSpend when it was
	// presented first.
	Spent      Fingerprint
	FirstSpend time.Time
	// Locked is when, by the store's clock, the lock was taken for that.
	Locked time.Time
	// RefreshVersion, AccessVersion and FamilyVersion are the versions that
	// stood in the store when Spent was read.
	RefreshVersion, AccessVersion, FamilyVersion int64
	// RefreshSaved and AccessSaved tell how far saving it came.
	RefreshSaved, AccessSaved bool
	// KeepFamily: TOKEN_FAMILY is not ours to write, see Snapshot.FamilyErr.
	KeepFamily bool
}

// NewSnapshot makes a snapshot of what was read under the connection's names.
func NewSnapshot(connection string, entries map[string]store.Entry) Snapshot {
	n := NamesOf(connection)
	s := Snapshot{
		Connection:   connection,
		ClientID:     FieldOf(entries[n.ClientID]),
		ClientSecret: FieldOf(entries[n.ClientSecret]),
		RefreshToken: FieldOf(entries[n.RefreshToken]),
		AccessToken:  FieldOf(entries[n.AccessToken]),
	}
	s.AccessToken.Value, s.AccessExpires = decodeAccessToken(s.AccessToken.Value)
	if e, ok := entries[n.Lock]; ok {
		l := ParseLock(e)
		s.Lock = &l
	}
	if e, ok := entries[n.Family]; ok {
		s.FamilyVersion = e.Version
		if !FieldOf(e).Value.IsZero() {
			r, err := ParseRecord(e.Value.Reveal(), connection)
			if err != nil {
				s.FamilyErr = fmt.Errorf("%s %w", n.Family, err)
			} else {
				s.Family = &r
			}
		}
	}
	return s
}

// FieldOf reads one parameter the way a person fills it in: trimmed, and empty
// where it holds psoxy's "fill me".
func FieldOf(e store.Entry) Field {
	f := Field{Version: e.Version, Modified: e.Modified}
	var stack [1024]byte
	switch v := bytes.TrimSpace(e.Value.AppendReveal(stack[:0])); {
	case string(v) == Unfilled:
	case len(v) == e.Value.Len():
		f.Value = e.Value
	default:
		f.Value = atlassian.NewSecret(string(v))
	}
	return f
}

// App is the connection's OAuth app.
func (s Snapshot) App() atlassian.App {
	return atlassian.App{ClientID: s.ClientID.Value.Reveal(), ClientSecret: s.ClientSecret.Value}
}

// Credentials is the fingerprint of the app's id and secret together.
func (s Snapshot) Credentials() Fingerprint {
	return FingerprintOf(atlassian.NewSecret(s.ClientID.Value.Reveal() + "\n" + s.ClientSecret.Value.Reveal()))
}

// refused reports whether Atlassian has refused the stored refresh token, whose
// record is r, for good. Under another app's id a living token is refused as a
// dead one is, so what is known counts for the credentials that were presented
// with it only: who puts these right wakes the family.
func (s Snapshot) refused(r Record) bool {
	return r.Refused() && (r.LastFailure.Credentials == "" || r.LastFailure.Credentials == s.Credentials())
}

// Token is the fingerprint of the refresh token in the store.
func (s Snapshot) Token() Fingerprint { return FingerprintOf(s.RefreshToken.Value) }

// Lineage answers which family the stored refresh token belongs to, and returns
// its record with the token's own fingerprint in it.
//
// A token that TOKEN_FAMILY does not know is the next generation of the known
// family where our own intent, the token's chain claim or psoxy's share in the
// rotation says so; otherwise a person put it there after a new consent, and a
// new family begins at the time at which it was stored.
func (s Snapshot) Lineage(now time.Time, p Policy) Record {
	token := s.Token()
	var r Record
	switch {
	case s.Family == nil || (s.Family.Refresh != token && !s.sameFamily(p)):
		born := s.RefreshToken.Modified
		if born.IsZero() || born.After(now) {
			born = now
		}
		r = Record{Connection: s.Connection, AuthorizedAt: stamp(born), AuthorizedAtSource: FromAdoption, Refresh: token}
	case s.Family.Refresh != token:
		r = *s.Family
		r.Generation++
		r.Previous = prepend(r.Refresh, r.Previous)
		r.Refresh, r.Access, r.LastFailure = token, "", nil
		r.RotatedAt = stamp(s.RefreshToken.Modified)
		r.AccessExpiresAt = time.Time{}
	default:
		r = *s.Family
	}
	r.Schema = Schema
	r.LifetimeDays = p.Lifetime.Hours() / 24
	if r.Access != FingerprintOf(s.AccessToken.Value) {
		r.AccessExpiresAt = s.AccessExpires
	}
	return r
}

// sameFamily reports whether an unknown refresh token descends from the family
// in TOKEN_FAMILY.
func (s Snapshot) sameFamily(p Policy) bool {
	if l := s.Lock; l != nil && l.Intent != nil && l.Intent.Consent {
		return s.Family.Chain != "" && chainOf(s.RefreshToken.Value) == s.Family.Chain
	}
	if l := s.Lock; l != nil && l.Intent != nil && l.Intent.Spending == s.Family.Refresh {
		return true
	}
	if chain := chainOf(s.RefreshToken.Value); chain != "" && s.Family.Chain != "" {
		return chain == s.Family.Chain
	}
	return p.AccessFormat == PsoxyJSON && !s.Family.Refused()
}
