package family

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Schema is the version of the form of TOKEN_FAMILY. The first edition, which had no ledger,
// wrote 1.
const Schema = 2

// How the time of the consent is known.
const (
	FromConsent  = "consent" // the consent itself has recorded it
	FromAdoption = "adopted" // it is when a hand-filled REFRESH_TOKEN was stored
	FromPerson   = "stated"  // a person has told it of adopted tokens
)

// Record is what TOKEN_FAMILY holds: all that is known about a family, and no
// secret. Times are UTC, in milliseconds.
type Record struct {
	Schema int `json:"schema"`
	// Connection is the prefix this record belongs to. It tells a record that was copied from
	// another connection.
	Connection string `json:"connection"`
	// AuthorizedAt is the time of the consent: the family's birth.
	AuthorizedAt time.Time `json:"authorized_at"`
	// AuthorizedAtSource is FromConsent, FromAdoption or FromPerson.
	AuthorizedAtSource string `json:"authorized_at_source"`
	// LifetimeDays is the lifetime that was assumed at the last write.
	LifetimeDays float64 `json:"lifetime_days"`
	// Generation counts the rotations that are known of.
	Generation int `json:"generation"`
	// Refresh is the fingerprint of the newest refresh token.
	Refresh Fingerprint `json:"refresh_token"`
	// Past are the refresh tokens before, also those of families before this one.
	Past Past `json:"past,omitempty"`
	// Previous is what the first edition wrote in the place of Past.
	Previous []Fingerprint `json:"previous_refresh_tokens,omitempty"`
	// Access is the fingerprint of the newest access token.
	Access Fingerprint `json:"access_token,omitempty"`
	// Chain is the fingerprint of the token's refresh_chain_id claim, if it has one.
	Chain Fingerprint `json:"chain,omitempty"`
	// Client is the fingerprint of the client id that received the newest tokens; empty if
	// unknown.
	Client Fingerprint `json:"client,omitempty"`
	Scopes []string    `json:"scopes,omitempty"`
	// Account is the fingerprint of the account that consented. CloudID and SiteURL name the site
	// in use. All are empty if no consent of ours has told.
	Account Fingerprint `json:"account,omitempty"`
	CloudID string      `json:"cloud_id,omitempty"`
	SiteURL string      `json:"site_url,omitempty"`
	// Consent identifies the consent that began the family, by a digest of its state. RedirectURI
	// is where it returned to. Both are empty if a person stored the tokens.
	Consent     string `json:"consent,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	// SiteAskedAt is when Atlassian was last asked whether the site is still reached. SiteMissing
	// counts the answers in a row without it, up to two.
	SiteAskedAt time.Time `json:"site_asked_at,omitzero"`
	SiteMissing int       `json:"site_missing,omitempty"`
	// AccessFormat is psoxy.JSON where ACCESS_TOKEN has that form; empty where it holds
	// the bare token.
	AccessFormat psoxy.AccessFormat `json:"form,omitempty"`
	// AccessExpiresAt is when the newest access token expires; zero if unknown.
	AccessExpiresAt time.Time `json:"access_expires_at,omitzero"`
	// RotatedAt is when the request began that yielded the newest refresh token; zero before the
	// first rotation.
	RotatedAt time.Time `json:"rotated_at,omitzero"`
	// LastFailure is set while the newest refresh token has failed to rotate.
	LastFailure *Failure `json:"last_failure,omitempty"`
}

// Failure describes the newest failed attempts to rotate.
type Failure struct {
	// Class is the name of an atlassian.Class.
	Class string `json:"class"`
	// Code is the OAuth error code, or empty.
	Code string `json:"code,omitempty"`
	// At is the time of the newest attempt, Count the attempts of this class in a row.
	At    time.Time `json:"at"`
	Count int       `json:"count"`
	// Token is the refresh token that was presented.
	Token Fingerprint `json:"token"`
	// Credentials are the app's id and secret that were presented.
	Credentials Fingerprint `json:"credentials,omitempty"`
	// Since is the time of the first of these attempts. First is that of the first one with this
	// token that failed in any way.
	Since time.Time `json:"since,omitzero"`
	First time.Time `json:"first,omitzero"`
	// FirstSpend is when Token was first presented, where its fate is in doubt.
	FirstSpend time.Time `json:"first_spend,omitzero"`
	// RetryAt is the time before which Atlassian asked not to be called.
	RetryAt time.Time `json:"retry_at,omitzero"`
}

// ParseRecord reads a TOKEN_FAMILY parameter of the given connection. A damaged member counts
// as missing: the family's age must not be lost with it.
func ParseRecord(value, connection string) (Record, error) {
	r, err := readRecord(value)
	if err != nil {
		return Record{}, err
	}
	return r.checked(connection)
}

// readRecord reads a record whose members are not checked yet.
func readRecord(value string) (r Record, err error) {
	if inner := ""; json.Unmarshal([]byte(value), &inner) == nil {
		value = inner // it was encoded twice
	}
	value = strings.Trim(value, "\ufeff \t\r\n")
	if begin := strings.IndexByte(value, '{'); begin == 1 { // it is in quotes
		value = strings.TrimSuffix(value[1:], value[:1])
	}
	members, ok := membersOf(value)
	if !ok {
		return Record{}, errors.New("is not the JSON that tokenkeeper writes")
	}
	if json.Unmarshal([]byte(value), &r) == nil && r.Schema != 0 {
		return r, nil
	}
	r = Record{}
	for name, member := range members {
		one, _ := json.Marshal(map[string]json.RawMessage{name: member})
		if with := r; json.Unmarshal(one, &with) == nil {
			r = with
		}
	}
	if r.Schema == 0 && r.Past == "" {
		r.Schema = 1
	} else if r.Schema == 0 {
		r.Schema = Schema
	}
	return r, nil
}

// membersOf reads the members of an object that somebody may have edited. A missing end or a
// comma too many does no harm.
func membersOf(text string) (members map[string]json.RawMessage, ok bool) {
	if json.Unmarshal([]byte(text), &members) == nil {
		return members, members != nil
	}
	body := strings.TrimRight(strings.TrimSuffix(text, "}"), " \t\r\n,")
	err := json.Unmarshal([]byte(body+"}"), &members)
	return members, err == nil && members["authorized_at"] != nil
}

// checked returns a record that was read, if it can be used for the given connection.
func (r Record) checked(connection string) (Record, error) {
	switch {
	case r.Schema > Schema:
		return Record{}, fmt.Errorf("has schema %d, but this tokenkeeper reads up to %d: deploy the newer version again", r.Schema, Schema)
	case r.Schema < 1:
		return Record{}, fmt.Errorf("has schema %d, expected 1 to %d", r.Schema, Schema)
	case r.Connection != connection:
		return Record{}, fmt.Errorf("belongs to another connection%s", quoted(r.Connection))
	case r.AuthorizedAt.IsZero():
		return Record{}, errors.New("has no authorized_at")
	case r.Refresh == "":
		return Record{}, errors.New("has no refresh_token fingerprint")
	case !plausible(r.AuthorizedAt):
		return Record{}, errors.New("has an authorized_at that is not between the years 2000 and 3000")
	}
	r = r.withoutFalseTimes()
	if f := r.LastFailure; f != nil && strings.Trim(f.Code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		f.Code = "" // reasons quote it
	}
	for _, fp := range slices.Backward(r.Previous) {
		r.Past = r.Past.With(fp)
	}
	r.Previous = nil
	return r, nil
}

// quoted shows a name in an error, but no text that is long enough for a token.
func quoted(name string) string {
	if len(name) > 64 {
		return ""
	}
	return fmt.Sprintf(", %q", name)
}

// withoutFalseTimes returns the record without the times that are not plausible.
func (r Record) withoutFalseTimes() Record {
	times := []*time.Time{&r.AccessExpiresAt, &r.RotatedAt, &r.SiteAskedAt}
	if r.LastFailure != nil {
		f := *r.LastFailure
		times, r.LastFailure = append(times, &f.At, &f.Since, &f.First, &f.FirstSpend, &f.RetryAt), &f
	}
	for _, t := range times {
		if !plausible(*t) {
			*t = time.Time{}
		}
	}
	return r
}

// Encode gives the value of TOKEN_FAMILY.
func (r Record) Encode() atlassian.Secret {
	return atlassian.NewSecret(mustEncode(r))
}

// mustEncode gives the JSON of a Record or a State. Both can always be encoded: their times
// are between the years 0 and 9999.
func mustEncode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("family: " + err.Error())
	}
	return b
}

// ExpiresAt is when the family dies however well it is kept.
func (r Record) ExpiresAt(lifetime time.Duration) time.Time { return r.AuthorizedAt.Add(lifetime) }

// InactiveAt is when the family dies if it is not used before.
func (r Record) InactiveAt() time.Time {
	return cmp.Or(r.RotatedAt, r.AuthorizedAt).Add(InactivityLimit)
}

// unreadable is the code of a server that could not read a request (RFC 6749 section 5.2).
const unreadable = "invalid_request"

// Refused reports whether Atlassian has refused the newest refresh token. A malformed answer with
// another code, or none, comes from a proxy or firewall, and tells nothing.
func (r Record) Refused() bool {
	f := r.LastFailure
	if f == nil || f.Token != r.Refresh {
		return false
	}
	return f.Class == atlassian.Permanent.String() ||
		f.Class == atlassian.Malformed.String() && f.Code == unreadable && f.Count >= malformedIsRefused && f.At.Sub(f.Since) >= probeFirst
}

// refusedSince reports whether Atlassian has refused the newest refresh token since a time.
func (r Record) refusedSince(at time.Time) bool { return r.Refused() && at.Before(r.LastFailure.At) }

// Lost reports whether Atlassian has refused the newest refresh token so often, and for so long,
// that this is no mistake of minutes.
func Lost(r Record) bool {
	f := r.LastFailure
	return r.Refused() && f.Count > 2 && f.At.Sub(f.Since) >= probeFirst
}

// failedTwice reports whether Atlassian has twice not taken the newest refresh token: one
// failure may be a mistake.
func (r Record) failedTwice() bool {
	f := r.LastFailure
	return f != nil && f.Token == r.Refresh && f.Count > 1 && !passing(f.Class)
}

// probeAt is when a refused token is presented once more. Inside the leeway of the first
// refusal that is soon: the refusal may have replaced the answer with the successor.
func (r Record) probeAt() time.Time {
	f := r.LastFailure
	soon := f.At.Add(failureBackoff)
	switch {
	case f.Count <= 1:
		return f.At.Add(secondLook)
	case open(f.Since, soon):
		return soon
	case f.At.Sub(f.Since) < probeFirst:
		return f.At.Add(probeFirst)
	}
	return later(f.At.Add(probeAgain), f.RetryAt)
}

// first is when the token failed first. Attempts count whose leeway may still have run when
// those of this class began.
func (f Failure) first() time.Time {
	if f.Since.Sub(f.First) > 2*Leeway {
		return f.Since
	}
	return f.First
}

// Succeed returns the record of the generation that pair begins.
func (r Record) Succeed(pair Pair) Record {
	next := r
	next.Refresh = FingerprintOf(pair.Refresh)
	if next.Refresh != r.Refresh {
		next.Generation++
		next.Past = r.Past.With(r.Refresh)
	}
	if spent := stamp(pair.SpentAt.Add(Leeway)); !pair.Access.IsZero() {
		next.Access, next.AccessExpiresAt = FingerprintOf(pair.Access), stamp(pair.AccessExpiresAt)
	} else if r.AccessExpiresAt.IsZero() || r.AccessExpiresAt.After(spent) { // the one before ends with the token before
		next.AccessExpiresAt = spent
	}
	next.Chain = chainOf(pair.Refresh)
	next.RotatedAt = stamp(pair.SpentAt)
	next.LastFailure = nil
	if len(pair.Scopes) > 0 {
		next.Scopes = slices.Clone(pair.Scopes)
	}
	return next
}

// Fail returns the record after a failed attempt. A failure that says nothing about the token
// leaves a lost family lost. A rate limit does not count as a probe: the token was not looked at.
func (r Record) Fail(f Failure) Record {
	next, last := f.after(r.LastFailure), r.LastFailure
	told := next.Class == atlassian.Permanent.String() || next.Count > 1 // what was told before is told again
	if Lost(r) && !told && next.Token == last.Token && next.Credentials == last.Credentials {
		next.Class, next.Code, next.Count, next.Since = last.Class, last.Code, last.Count, last.Since
		if f.Class == atlassian.Transient.String() {
			next.At, next.RetryAt = last.At, f.At.Add(max(probeFirst, f.RetryAt.Sub(f.At)))
		}
	}
	r.LastFailure = next
	return r
}

// after returns the failure as it is written down after an earlier one. Attempts of one class
// with one token are counted together. Those with and without a code are counted apart, and so
// are those with invalid_request: only it says that Atlassian could not read the request.
func (f Failure) after(last *Failure) *Failure {
	f.At, f.FirstSpend, f.RetryAt = stamp(f.At), stamp(f.FirstSpend), stamp(f.RetryAt)
	f.Count, f.Since, f.First = 1, f.At, f.At
	if last == nil || last.Token != f.Token {
		return &f
	}
	f.First = cmp.Or(last.first(), f.At)
	alike := func(code string) bool { return (last.Code == code) == (f.Code == code) }
	if last.Class == f.Class && alike("") && alike(unreadable) {
		f.Count, f.Since = last.Count+1, cmp.Or(last.Since, f.At)
	}
	return &f
}

// Succeeds reports whether r is the generation after the stored record, which may be nil.
func (r Record) Succeeds(stored *Record) bool {
	return stored != nil && r.sameFamily(*stored) && r.Generation == stored.Generation+1
}

// had reports whether a token is the record's newest one, or one before, of whatever family.
func had(r Record, token Fingerprint) bool { return r.Refresh == token || r.Past.Has(token) }

// knows reports whether a token is of the record's family: its newest one, one that it has
// rotated, or one with its chain claim.
func knows(r Record, token, chain Fingerprint) bool {
	return r.Refresh == token || r.Past.newest(r.Generation).Has(token) || r.Chain != "" && r.Chain == chain
}

// active is when the family was last given tokens.
func (r Record) active() time.Time { return later(r.AuthorizedAt, r.RotatedAt) }

// sameFamily reports whether two records are of one family: they have one birth.
func (r Record) sameFamily(other Record) bool { return r.AuthorizedAt.Equal(other.AuthorizedAt) }

// plausible reports whether a time may be one of ours. Others would spoil the arithmetic, and
// JSON has no form for a year beyond 9999.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 3000 }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earlier is the earlier of two times; if one is not known, the other.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// stamp gives a time the form it has in the store.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// chainOf returns the fingerprint of a token's chain claim; "" without one. It is a hint: the
// protocol never needs it.
func chainOf(token atlassian.Secret) Fingerprint {
	claims, _ := atlassian.Claims(token)
	return FingerprintOf(atlassian.NewSecret(claims.RefreshChainID))
}
