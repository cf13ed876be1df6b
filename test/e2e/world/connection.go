package world

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Connection is one app with one account's grant, and its parameters.
type Connection struct {
	w *World
	// Name is the prefix of the parameters, Names their whole names.
	Name  string
	Names family.Names
	// Fixture is the app and the account at the emulator.
	Fixture atlassiantest.Fixture
	// FamilyID is the family of the newest consent.
	FamilyID string
}

// connect makes an app, consents, and fills in the four seed parameters.
func (w *World) connect(name string) {
	w.t.Helper()
	fix, err := w.Emulator.AddFixture()
	require.NoError(w.t, err)
	c := &Connection{w: w, Name: name, Names: family.NamesOf(name), Fixture: fix}
	secret, err := w.Emulator.ClientSecret(fix.App.ClientID)
	require.NoError(w.t, err)
	c.Put(c.Names.ClientID, fix.App.ClientID)
	c.PutSecret(c.Names.ClientSecret, secret.Reveal())
	c.PutSecret(c.Names.RefreshToken, c.Consent())
	c.Put(c.Names.CloudID, fix.Site.CloudID)
	w.mu.Lock()
	w.connections = append(w.connections, c)
	w.mu.Unlock()
}

// Consent gives a new consent and returns its refresh token. Nothing is stored.
func (c *Connection) Consent() string {
	c.w.t.Helper()
	tokens, err := c.w.Emulator.Authorize(atlassiantest.ConsentRequest{
		ClientID: c.Fixture.App.ClientID, AccountID: c.Fixture.Account.ID, CloudID: c.Fixture.Site.CloudID})
	require.NoError(c.w.t, err)
	c.w.Secret(tokens.Access.Reveal())
	c.w.Secret(tokens.Refresh.Reveal())
	c.FamilyID = tokens.FamilyID
	return tokens.Refresh.Reveal()
}

// Put stores a String parameter, as a person would.
func (c *Connection) Put(name, value string) { c.put(name, value, types.ParameterTypeString) }

// PutSecret stores a SecureString parameter.
func (c *Connection) PutSecret(name, value string) {
	if len(value) >= 16 {
		c.w.Secret(value)
	}
	c.put(name, value, types.ParameterTypeSecureString)
}

func (c *Connection) put(name, value string, kind types.ParameterType) {
	c.w.t.Helper()
	out, err := c.w.ssm.PutParameter(c.w.t.Context(), &ssm.PutParameterInput{
		Name: aws.String(name), Value: aws.String(value), Type: kind, Overwrite: aws.Bool(true)})
	require.NoError(c.w.t, err)
	c.w.dates.wrote(name, out.Version)
}

// Delete removes a parameter.
func (c *Connection) Delete(name string) {
	c.w.t.Helper()
	_, err := c.w.ssm.DeleteParameter(c.w.t.Context(), &ssm.DeleteParameterInput{Name: aws.String(name)})
	require.NoError(c.w.t, err)
	c.w.dates.deleted(name)
}

// Parameter reads a parameter from the store itself; nil if it does not exist.
func (c *Connection) Parameter(name string) *types.Parameter {
	c.w.t.Helper()
	out, err := c.w.ssm.GetParameter(c.w.t.Context(), &ssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(true)})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return nil
	}
	require.NoError(c.w.t, err)
	return out.Parameter
}

// Value is a parameter's value, "" if it does not exist.
func (c *Connection) Value(name string) string {
	c.w.t.Helper()
	if p := c.Parameter(name); p != nil {
		return aws.ToString(p.Value)
	}
	return ""
}

// Version is a parameter's version, 0 if it does not exist.
func (c *Connection) Version(name string) int64 {
	c.w.t.Helper()
	if p := c.Parameter(name); p != nil {
		return p.Version
	}
	return 0
}

// Versions are the versions of all parameters that exist, by whole name.
func (c *Connection) Versions() map[string]int64 {
	c.w.t.Helper()
	versions := map[string]int64{}
	for _, name := range c.all() {
		if v := c.Version(name); v != 0 {
			versions[name] = v
		}
	}
	return versions
}

func (c *Connection) all() []string {
	n := c.Names
	return []string{n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.CloudID, n.Family, n.Lock, n.Ledger}
}

// Record is what TOKEN_FAMILY holds, and the ledger beside the token. It is
// decoded here on its own, so that a change of the stored form is noticed.
type Record struct {
	Schema             int       `json:"schema"`
	Connection         string    `json:"connection"`
	AuthorizedAt       time.Time `json:"authorized_at"`
	AuthorizedAtSource string    `json:"authorized_at_source"`
	LifetimeDays       float64   `json:"lifetime_days"`
	Generation         int       `json:"generation"`
	RefreshToken       string    `json:"refresh_token"`
	AccessToken        string    `json:"access_token"`
	Scopes             []string  `json:"scopes"`
	AccessExpiresAt    time.Time `json:"access_expires_at"`
	RotatedAt          time.Time `json:"rotated_at"`
	LastFailure        *struct {
		Class      string    `json:"class"`
		Code       string    `json:"code"`
		At         time.Time `json:"at"`
		Count      int       `json:"count"`
		Token      string    `json:"token"`
		FirstSpend time.Time `json:"first_spend"`
		RetryAt    time.Time `json:"retry_at"`
	} `json:"last_failure"`
}

// Record reads TOKEN_FAMILY.
func (c *Connection) Record() Record {
	c.w.t.Helper()
	var r Record
	require.NoError(c.w.t, json.Unmarshal([]byte(c.Value(c.Names.Family)), &r))
	return r
}

// Ledger is what the newest version of TOKEN_LEDGER holds, without the token.
type Ledger struct {
	Of    string    `json:"of"`
	Base  int64     `json:"base"`
	Mark  string    `json:"mark"`
	At    time.Time `json:"at"`
	State struct {
		Record Record `json:"record"`
		Intent *struct {
			Owner     string    `json:"owner"`
			Token     string    `json:"token"`
			Candidate int64     `json:"candidate"`
			First     time.Time `json:"first"`
		} `json:"intent"`
	} `json:"state"`
}

// Ledger reads TOKEN_LEDGER.
func (c *Connection) Ledger() Ledger {
	c.w.t.Helper()
	var l Ledger
	require.NoError(c.w.t, json.Unmarshal([]byte(c.Value(c.Names.Ledger)), &l))
	return l
}

// Family is the truth about the family of the newest consent.
func (c *Connection) Family() atlassiantest.FamilyInfo {
	c.w.t.Helper()
	f, ok := c.w.Emulator.Family(c.FamilyID)
	require.True(c.w.t, ok)
	return f
}

// Lookup is the truth about the token in a parameter.
func (c *Connection) Lookup(name string) atlassiantest.TokenInfo {
	c.w.t.Helper()
	info, ok := c.w.Emulator.Lookup(atlassian.NewSecret(c.Value(name)))
	require.True(c.w.t, ok, "%s holds no token that Atlassian issued", name)
	return info
}

// RequireHealthy checks all that must hold after a rotation. The family lives. The
// store holds its newest refresh token, unspent, and a working access token of the
// same generation. The ledger holds both and no pending spend. TOKEN_FAMILY is at
// most one rotation behind.
func (c *Connection) RequireHealthy(generation int) {
	t := c.w.t
	t.Helper()
	fam := c.Family()
	require.True(t, fam.Alive(), "the family is dead: %+v", fam.Death)
	refresh, access := c.Lookup(c.Names.RefreshToken), c.Lookup(c.Names.AccessToken)
	require.Equal(t, atlassiantest.StatusLive, refresh.Status)
	require.Equal(t, atlassiantest.StatusLive, access.Status)
	require.Equal(t, []string{c.FamilyID, c.FamilyID}, []string{refresh.FamilyID, access.FamilyID})
	require.Equal(t, fam.Generation, refresh.Generation)
	require.Equal(t, refresh.Generation, access.Generation)
	require.Equal(t, refresh.Sibling, access.Sibling)
	_, err := c.w.Emulator.ValidateAccess(atlassian.NewSecret(c.Value(c.Names.AccessToken)))
	require.NoError(t, err)
	l := c.Ledger()
	require.Equal(t, c.Name, l.Of)
	require.Nil(t, l.State.Intent)
	r := l.State.Record
	require.Equal(t, 2, r.Schema)
	require.Equal(t, c.Name, r.Connection)
	require.Equal(t, generation, r.Generation)
	require.Equal(t, refresh.Fingerprint(), r.RefreshToken)
	require.Equal(t, access.Fingerprint(), r.AccessToken)
	require.Nil(t, r.LastFailure)
	published := c.Record()
	require.Equal(t, r.AuthorizedAt, published.AuthorizedAt)
	require.Contains(t, []int{generation, generation - 1}, published.Generation)
}
