package consent

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// DefaultRedirectURI is the redirect URI of a request that names none. Nothing
// needs to listen there: the address in the browser counts.
const DefaultRedirectURI = "http://localhost"

// StateLifetime is how long a person has from Begin to Complete.
const StateLifetime = 10 * time.Minute

// WaitingLifetime is how long received tokens wait for a person's decision: as
// long as their access token works.
const WaitingLifetime = time.Hour

// BeginRequest asks for a consent.
type BeginRequest struct {
	// Connection is the prefix of the parameters' names.
	Connection string
	// Scopes to ask for; empty means those of the preset "jira-psoxy".
	Scopes []string
	// RedirectURI exactly as it is registered for the app; empty means that of the
	// last consent, or DefaultRedirectURI. With the path /callback of the hosted
	// pages the answer holds a StartURL.
	RedirectURI string
	// ClientID and ClientSecret are the app's. Both or neither: without them the
	// stored ones serve. They are stored when the consent succeeds, and not before.
	ClientID     string
	ClientSecret atlassian.Secret
}

// Begun is a pending consent.
type Begun struct {
	// AuthorizeURL is to be opened in the browser of the person who consents. It
	// holds the state: show it to that person only.
	AuthorizeURL string `json:"authorize_url"`
	// ExpiresAt is when the consent must be complete.
	ExpiresAt time.Time `json:"expires_at"`
	// StartURL is the page that leads to AuthorizeURL and ties the consent to the
	// browser that opens it; empty without hosted pages.
	StartURL string `json:"start_url,omitempty"`
}

// CompleteRequest carries what the browser came back with, and decisions. It may always be
// repeated: the answer is then the result of the first request, and no code is used twice.
// After a SiteNeeded or a …Changed error, repeat it with the decision.
type CompleteRequest struct {
	// RedirectURL is the whole address that the browser ended up at; or else
	// State and Code are its two parameters.
	RedirectURL atlassian.Secret
	State, Code atlassian.Secret
	// Site is the site to use: its cloud id, its URL, its name, or its host as
	// people name it ("acme" for acme.atlassian.net).
	Site string
	// Confirm accepts another account, another site, or fewer scopes than were
	// asked for or are in use.
	Confirm bool
	// Connection may say which connection is meant; the state of another one is
	// then refused.
	Connection string
	// Page: the request came to a hosted page, which serves only consents that are
	// tied to its browser. Browser is that browser's cookie. Without a State, Consent is that of
	// the Error that the page showed, so that people decide what they saw. An event holds none
	// of the three.
	Page    bool
	Browser atlassian.Secret
	Consent string
}

// Site is a site that the tokens can reach.
type Site struct {
	// ID is the cloud id.
	ID   string `json:"id"`
	URL  string `json:"url"`
	Name string `json:"name"`
}

// Completed is a consent whose tokens are stored and in use.
type Completed struct {
	Connection string `json:"connection"`
	// Sites are all that the tokens can reach, CloudID the one in use. The answer to
	// a repeated request knows that one only, without its name.
	Sites   []Site `json:"sites"`
	CloudID string `json:"cloud_id"`
	// Scopes that were granted.
	Scopes       []string  `json:"scopes"`
	AuthorizedAt time.Time `json:"authorized_at"`
	// FamilyExpiresAt is when the next consent is due at the latest.
	FamilyExpiresAt time.Time `json:"family_expires_at"`
}

// StatusRequest asks how the consents stand.
type StatusRequest struct {
	// Connection is one connection; empty means all.
	Connection string
}

// HealthRequest asks how the connections are.
type HealthRequest StatusRequest

// Status is how the consents stand, in the configured order.
type Status struct {
	Connections []ConnectionStatus `json:"connections"`
}

// ConnectionStatus is how a connection's consent stands.
type ConnectionStatus struct {
	Connection string `json:"connection"`
	// HasApp: client id and secret are stored.
	HasApp bool `json:"has_app"`
	// HasTokens: a refresh token is stored. Refused: Atlassian refused it for good.
	HasTokens bool `json:"has_tokens"`
	Refused   bool `json:"refused,omitempty"`
	// CloudID is the site in use.
	CloudID string   `json:"cloud_id,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`
	// RedirectURI is where the last consent returned to; empty where not known.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// AuthorizedAt and FamilyExpiresAt are zero where no family is known.
	AuthorizedAt    time.Time `json:"authorized_at,omitzero"`
	FamilyExpiresAt time.Time `json:"family_expires_at,omitzero"`
	// AuthorizedAtSource is that of the family's record. Functions of earlier versions leave it
	// empty.
	AuthorizedAtSource string `json:"authorized_at_source,omitempty"`
	// UnderWay is when the pending consent expires; zero without one.
	UnderWay time.Time `json:"under_way_until,omitzero"`
	// Waiting are received tokens that wait for a decision; nil without any.
	Waiting *Waiting `json:"waiting,omitempty"`
}

// Waiting says what received tokens wait for.
type Waiting struct {
	// Needs is the type of the error that Complete ended with; empty if it was
	// interrupted, and has only to be repeated.
	Needs ErrorType `json:"needs,omitempty"`
	// Sites to choose from, where known.
	Sites []Site `json:"sites,omitempty"`
	// Until is when they expire.
	Until time.Time `json:"until"`
}
