package family

import (
	"bytes"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Field is one parameter of a connection.
type Field struct {
	// Value is without the white space around it; empty if the parameter is absent, blank or not
	// filled in yet.
	Value atlassian.Secret
	// Version is the store's; 0 if the parameter does not exist. Since is the first known one
	// that held the value.
	Version  int64
	Since    int64
	Modified time.Time
	// Again is when the value was stored once more; zero if it was not.
	Again time.Time
	// Until is when the next version was written; zero for the newest.
	Until time.Time
	// Born is when the first known token with its chain claim was stored or issued; zero if that
	// is not known.
	Born time.Time
	// By is who wrote it, where the store tells.
	By string
}

// FieldOf reads one parameter the way a person fills it in.
func FieldOf(e store.Entry) Field {
	f := Field{Version: e.Version, Since: e.Version, Modified: e.Modified, By: e.By}
	var stack [1024]byte
	switch v := bytes.TrimSpace(e.Value.AppendReveal(stack[:0])); {
	case string(v) == psoxy.Unfilled:
	case len(v) == e.Value.Len():
		f.Value = e.Value
	default:
		f.Value = atlassian.NewSecret(v)
	}
	return f
}

// Snapshot is a connection as it was read.
type Snapshot struct {
	Connection string
	// Now is the time of the reading, by the store's clock.
	Now time.Time
	// State is what the ledger says, and Written when the store wrote that. Aside is what its
	// newest version says if that is no valid entry, because it was put back or moved.
	State   State
	Written time.Time
	Aside   State

	ClientID     Field
	ClientSecret Field
	// RefreshToken is the inbox, and with AccessToken a copy.
	RefreshToken Field
	AccessToken  Field
	// AccessExpires is when the access token expires, if its form says so. AccessFormat is the
	// form that consumers expect; empty if only what is remembered tells, see [Form].
	AccessExpires time.Time
	AccessFormat  psoxy.AccessFormat
	// Resembles is the form of a damaged value.
	Resembles psoxy.AccessFormat
	CloudID   Field
	// Family is TOKEN_FAMILY; Told reads it.
	Family store.Entry
	// Lock is psoxy's lock; Version 0 if nobody holds it. Left is the last one of psoxy's own
	// that this process has read, for psoxy deletes a stale one.
	Lock, Left Field
	// Wrote are psoxy's access tokens that this process has read, without their values: somebody
	// may have written over them. Met is a lock of psoxy's that it met.
	Wrote []Field
	Met   Field
	// Denied are the names of copies that could not be read.
	Denied []string

	// Offers are the versions of REFRESH_TOKEN that are not judged yet, in the order in which
	// their values were stored first. Judged is what this process has judged before.
	Offers []Field
	Judged Judged
	// Owners are the connections that own a token of the Offers, by its fingerprint.
	Owners map[Fingerprint]string
	// Partial: the Offers are incomplete. The history could not be read, or it is not known whose
	// some tokens are. Stays: it is the latter, and REFRESH_TOKEN is not written over.
	Partial, Stays bool
	// Process names the reader: intents that it left behind are its own.
	Process string
	// Held is a pair of this process that is not in the ledger yet; nil without one.
	Held *Receipt
	// Known is what the process has read of the ledger last.
	Known State
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
		Family:       entries[n.Family],
		Lock:         FieldOf(entries[n.Lock]),
	}
	s.AccessToken.Value, s.AccessExpires, s.AccessFormat = psoxy.DecodeAccessToken(s.AccessToken.Value)
	noToken := s.AccessFormat == psoxy.Raw && tokenform.Problem(s.AccessToken.Value.Reveal()) != ""
	if noToken || s.AccessFormat == psoxy.JSON && s.AccessExpires.IsZero() {
		s.AccessFormat, s.Resembles = "", s.AccessFormat // nobody has chosen a form by a damaged value
	}
	s.AccessFormat = c.Policy.AccessFormat.Or(s.AccessFormat)
	for _, e := range entries {
		if e.ReadAt.After(s.Now) {
			s.Now = e.ReadAt
		}
	}
	return s
}

// Told is the record in TOKEN_FAMILY; nil where there is none that can be used.
func (s Snapshot) Told() *Record {
	r, err := ParseRecord(FieldOf(s.Family).Value.Reveal(), s.Connection)
	if err != nil {
		return nil
	}
	return &r
}

// Shared reports whether psoxy rotates too: access tokens are stored in its form.
func (s Snapshot) Shared() bool { return s.AccessFormat == psoxy.JSON }

// denied reports whether the copy of the given name could not be read.
func (s Snapshot) denied(name string) bool { return slices.Contains(s.Denied, name) }

// inboxName is the name of REFRESH_TOKEN.
func (s Snapshot) inboxName() string { return s.Connection + refreshToken }

// App is the app that the tokens belong to. The parameters hold it, unless a consent has begun
// the family with another app that is not published yet. What a person has stored since that
// consent counts: the id, and a secret for the same id.
func (s Snapshot) App() atlassian.App {
	app := atlassian.App{ClientID: s.ClientID.Value.Reveal(), ClientSecret: s.ClientSecret.Value}
	consents, since := s.State.App, s.State.Record.AuthorizedAt
	if consents == nil {
		return app
	}
	stored := app.ClientID == consents.ClientID || app.ClientID != "" && !s.ClientID.Modified.Before(since)
	if !stored {
		app.ClientID = consents.ClientID
	}
	if !stored || app.ClientSecret.IsZero() || s.ClientSecret.Modified.Before(since) {
		app.ClientSecret = consents.ClientSecret
	}
	return app
}

// unpublished is a consent's app that the parameters do not hold yet; nil if they do, or if a
// person has stored another one since.
func unpublished(s Snapshot) *atlassian.App {
	if app := s.App(); app.ClientID == s.ClientID.Value.Reveal() && app.ClientSecret == s.ClientSecret.Value {
		return nil
	}
	return s.State.App
}

// Corrected is a snapshot as it counts. A ledger that was left behind counts as empty, and a
// consent's app only until it is published. An adopted family has the age that TOKEN_FAMILY
// tells, which may have been put back after REFRESH_TOKEN was adopted without it.
func Corrected(s Snapshot) Snapshot {
	if outdated(s) {
		s.State = State{}
	}
	if s.State.Record.AuthorizedAtSource == FromAdoption {
		s.State.Record = dated(s, s.State.Record)
	}
	s.State.App = unpublished(s)
	return s
}

// outdated reports whether the ledger is one that was left behind, or of a backup of a whole
// store. TOKEN_FAMILY tells of a later rotation, and knows the ledger's token as an older one.
func outdated(s Snapshot) bool {
	told, r := s.Told(), s.State.Record
	return !s.State.Empty() && told != nil && told.Schema == Schema && told.Refresh != r.Refresh && knows(*told, r.Refresh, "") &&
		told.RotatedAt.After(r.RotatedAt) && told.Generation > r.Generation
}

func client(app atlassian.App) Fingerprint { return FingerprintOf(atlassian.NewSecret(app.ClientID)) }

// OtherApp says that the stored app is not the one that received the newest tokens, and what to
// do; "" if it is, or if that is not known. Under another app's id Atlassian refuses a living
// token like a dead one, so a refusal tells nothing. What was refused under its own app before
// stays refused.
func OtherApp(s Snapshot) string {
	r, app := s.State.Record, s.App()
	if r.Client == "" || app.ClientID == "" || r.Client == client(app) || r.Refused() {
		return ""
	}
	return "CLIENT_ID belongs to another app than the refresh token: store the id and the secret of the app that received the token, or consent again with the stored one"
}

// Credentials is the fingerprint of the app's id and secret together.
func (s Snapshot) Credentials() Fingerprint {
	app := s.App()
	return FingerprintOf(atlassian.NewSecret(app.ClientID + "\n" + app.ClientSecret.Reveal()))
}

// AccessWrittenOver reports whether ACCESS_TOKEN holds another access token than the family's
// newest, and was written since that came. A copy that is only late is older.
func AccessWrittenOver(s Snapshot) bool {
	r, found := s.State.Record, s.AccessToken
	return found.Version > 0 && r.Access != "" && FingerprintOf(found.Value) != r.Access && found.Modified.After(r.active().Add(clockStep))
}
