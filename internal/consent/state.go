package consent

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// schema is the version of what CONSENT_STATE and CONSENT_TOKENS hold.
const schema = 1

// digest is the SHA-256 of a state, link, cookie or code, in hex: who reads the
// store cannot complete a consent.
type digest string

func digestOf(s atlassian.Secret) digest {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return digest(hex.EncodeToString(sum[:]))
}

// of reports whether d is the digest of s. Nothing is the digest of an empty secret.
func (d digest) of(s atlassian.Secret) bool {
	return !s.IsZero() && subtle.ConstantTimeCompare([]byte(d), []byte(digestOf(s))) == 1
}

// secretLength is the length of states, links and cookies. Values of another length are refused
// without a call to the store, so that strangers cannot keep it busy.
const secretLength = 43

// random draws 256 bits.
func random() atlassian.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails: it ends the process instead
	return atlassian.NewSecret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// stateOf derives the state from the secret of a start link. So the link leads to
// the same consent in every tab, and neither must be stored.
func stateOf(link atlassian.Secret) atlassian.Secret {
	mac := hmac.New(sha256.New, []byte(link.Reveal()))
	_, _ = mac.Write([]byte("tokenkeeper consent state"))
	return atlassian.NewSecret(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}

// underWay is a pending consent: what CONSENT_STATE holds. The parameter is
// encrypted, because of the client secret.
type underWay struct {
	Schema      int       `json:"schema"`
	Connection  string    `json:"connection"`
	State       digest    `json:"state"`
	Link        digest    `json:"link,omitempty"`
	Browser     digest    `json:"browser,omitempty"`
	RedirectURI string    `json:"redirect_uri"`
	Scopes      []string  `json:"scopes"`
	ExpiresAt   time.Time `json:"expires_at"`
	// app is to be used, and stored, in the place of the stored one; zero if it
	// is that one.
	app atlassian.App
	// version is the parameter's.
	version int64
}

// secrets are the members that have no place in a struct that could be printed.
type secrets struct {
	ClientID     string `json:"client_id,omitempty"`
	ClientSecret string `json:"client_secret,omitempty"`
	Refresh      string `json:"refresh_token,omitempty"`
	Access       string `json:"access_token,omitempty"`
}

// encode gives the value of the parameter.
func (u *underWay) encode() atlassian.Secret {
	return encode(struct {
		*underWay
		secrets
	}{u, secrets{ClientID: u.app.ClientID, ClientSecret: u.app.ClientSecret.Reveal()}})
}

func encode(v any) atlassian.Secret {
	b, err := json.Marshal(v)
	if err != nil { // its parts are texts and times of our own making
		panic("consent: a state cannot be written as JSON")
	}
	return atlassian.NewSecret(string(b))
}

// parseUnderWay reads CONSENT_STATE. An unreadable value is no consent: a person
// begins again in a minute.
func parseUnderWay(e store.Entry, connection string) *underWay {
	var v struct {
		underWay
		secrets
	}
	if json.Unmarshal([]byte(e.Value.Reveal()), &v) != nil || v.Schema != schema || v.Connection != connection {
		return nil
	}
	u := v.underWay
	u.version = e.Version
	u.app = atlassian.App{ClientID: v.ClientID, ClientSecret: atlassian.NewSecret(v.ClientSecret)}
	return &u
}

// hosted reports whether the consent is tied to a browser.
func (u *underWay) hosted() bool { return u.Link != "" }

// id identifies the consent in the ledger. That of a hosted one takes its
// browser's cookie to find out.
func (u *underWay) id() string { return consentID(u.State, u.Browser) }

// consentID is half of a digest: it identifies a consent as well, and a ledger has
// little room.
func consentID(state, browser digest) string {
	return string(digestOf(atlassian.NewSecret(string(state) + "/" + string(browser)))[:32])
}

// checkBrowser refuses a hosted consent that came to another browser.
func (u *underWay) checkBrowser(cookie atlassian.Secret) *Error {
	if u.hosted() && !u.Browser.of(cookie) {
		return refuse(WrongBrowser, "this consent did not begin in this browser, so it ends here: begin again, and open the start link in the browser that is to consent")
	}
	return nil
}

func expired() *Error {
	return refuse(ConsentExpired, "no consent is under way with this state: it expired after %d minutes, is being completed by another request, was interrupted, or a newer one took its place; repeat the request in a minute, or begin again", int(StateLifetime.Minutes()))
}
