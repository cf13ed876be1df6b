package atlassiantest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// consents holds the grants and the authorization codes that were not exchanged
// yet.
type consents struct {
	*core
	directory *directory
	grants    map[grantKey]*grant
	codes     map[string]*code
}

func newConsents(c *core, d *directory) consents {
	return consents{core: c, directory: d, grants: map[grantKey]*grant{}, codes: map[string]*code{}}
}

// grantKey identifies a grant: there is one per app and account.
type grantKey struct{ client, account string }

// grant is what an account allows an app. All families of the two share it.
type grant struct {
	scopes []string // of the latest consent; never modified in place
	sites  []*site  // every site that was picked in a consent
}

// code is an authorization code that was not exchanged yet.
type code struct {
	app                        *app
	account                    *account
	site                       *site
	redirect                   string
	consented, expires         time.Time
	challenge, challengeMethod string
}

// cloudID is the picked site's, empty for a guest.
func (c *code) cloudID() string {
	if c.site == nil {
		return ""
	}
	return c.site.CloudID
}

// ConsentRequest says who allows what to which app.
type ConsentRequest struct {
	// ClientID is the app's; empty means the first app.
	ClientID string
	// AccountID is the user's; empty means the account that is signed in.
	AccountID string
	// Scopes are the requested ones; nil means all of the app and offline_access.
	Scopes []string
	// RedirectURI must be one of the app's; empty means its first.
	RedirectURI string
	// CloudID is the picked site's; empty means the account's first site.
	CloudID string
	// CodeChallenge and CodeChallengeMethod (plain or S256) are PKCE's (RFC 7636).
	// Atlassian tolerates PKCE but does not document it. If a challenge is given,
	// the exchange needs its verifier.
	CodeChallenge, CodeChallengeMethod string
}

// Consent does what the button Accept of the consent page does: it renews the
// grant and returns the authorization code. The error is a *RefusalError where
// /authorize would show an error page.
func (c *consents) Consent(r ConsentRequest) (atlassian.Secret, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.ClientID == "" && len(c.directory.appOrder) > 0 {
		r.ClientID = c.directory.appOrder[0].ClientID
	}
	if a := c.directory.apps[r.ClientID]; a != nil {
		if r.RedirectURI == "" && len(a.RedirectURIs) > 0 {
			r.RedirectURI = a.RedirectURIs[0]
		}
		if r.Scopes == nil {
			r.Scopes = append([]string{scopeOffline}, a.Scopes...)
		}
	}
	a, acc, err := c.check(r)
	if err != nil {
		return atlassian.Secret{}, err
	}
	return c.accept(a, acc, r)
}

// check finds the app and the account of a consent, or the error that
// /authorize shows as an error page.
func (c *consents) check(r ConsentRequest) (*app, *account, error) {
	a := c.directory.apps[r.ClientID]
	if a == nil {
		return nil, nil, &RefusalError{400, "invalid_client", fmt.Sprintf("there is no app with client_id %q", r.ClientID)}
	}
	if !slices.Contains(a.RedirectURIs, r.RedirectURI) {
		return nil, nil, &RefusalError{400, "redirect_mismatch", fmt.Sprintf("redirect_uri %q is not registered for the app; it must match exactly, path included", r.RedirectURI)}
	}
	for _, s := range r.Scopes {
		if s != scopeOffline && !slices.Contains(a.Scopes, s) {
			return nil, nil, &RefusalError{400, "invalid_scope", fmt.Sprintf("the app lacks the scope %q; add it under Permissions", s)}
		}
	}
	acc, err := c.user(a, r.AccountID)
	return a, acc, err
}

// user finds the account that consents, which must be active and allowed to use
// the app.
func (c *consents) user(a *app, accountID string) (*account, error) {
	acc := c.directory.person(accountID)
	if acc == nil || acc.inactive {
		return nil, &RefusalError{403, "no_account", fmt.Sprintf("account %q does not exist or is deactivated", accountID)}
	}
	owner := a.Owner
	if owner == "" {
		owner = c.directory.people[0].ID // there is one: acc
	}
	if !a.Distributed && owner != acc.ID {
		return nil, &RefusalError{403, "undistributed_app", "this app is not distributed: only the account that created it may use it"}
	}
	return acc, nil
}

// accept renews the grant and issues a code.
func (c *consents) accept(a *app, acc *account, r ConsentRequest) (atlassian.Secret, error) {
	picked, err := pickSite(acc, r.CloudID)
	if err != nil {
		return atlassian.Secret{}, err
	}
	switch r.CodeChallengeMethod {
	case "", "plain", "S256":
	default:
		return atlassian.Secret{}, &RefusalError{400, "invalid_request", "code_challenge_method must be plain or S256"}
	}
	now := c.clock.Now()
	c.dropCodes(func(old *code) bool { return !now.Before(old.expires) })
	key := grantKey{a.ClientID, acc.ID}
	g := c.grants[key]
	if g == nil {
		g = &grant{}
		c.grants[key] = g
	}
	g.scopes = answerOrder(r.Scopes)
	if picked != nil && !slices.Contains(g.sites, picked) {
		g.sites = append(g.sites, picked)
	}
	issued := &code{
		app: a, account: acc, site: picked, redirect: r.RedirectURI,
		consented: now, expires: now.Add(c.policy.CodeLifetime),
		challenge: r.CodeChallenge, challengeMethod: r.CodeChallengeMethod,
	}
	id := tokenID{kind: kindCode, serial: c.rng.Uint64()}
	text := c.minter.mint(id, &claims{
		client: a.ClientID, account: acc.ID, issued: now, expires: issued.expires,
	})
	c.codes[text] = issued
	return atlassian.NewSecret(text), nil
}

// pickSite finds the site that was chosen on the consent page, nil for a guest.
func pickSite(acc *account, cloudID string) (*site, error) {
	if cloudID == "" {
		if len(acc.sites) == 0 {
			return nil, nil
		}
		return acc.sites[0], nil
	}
	for _, s := range acc.sites {
		if s.CloudID == cloudID {
			return s, nil
		}
	}
	return nil, &RefusalError{400, "invalid_site", fmt.Sprintf("account %q is not a member of site %q", acc.ID, cloudID)}
}

// answerOrder returns the scopes as answers list them: each once, and in another
// order than the request's.
func answerOrder(requested []string) []string {
	out := slices.Clone(requested)
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(b, a) })
	return slices.Compact(out)
}

// redeem uses up the code of an exchange and returns it, or why it is refused.
// A refused code stays usable.
func (c *consents) redeem(a *app, r ExchangeRequest, now time.Time) (*code, *RefusalError) {
	text := r.Code.Reveal()
	found := c.codes[text]
	if found == nil || found.app != a || found.redirect != r.RedirectURI || !now.Before(found.expires) || !found.verify(r.CodeVerifier) {
		return nil, refusedCode
	}
	if found.account.inactive {
		return nil, c.policy.refusedInactive()
	}
	delete(c.codes, text)
	return found, nil
}

// verify checks PKCE's verifier against the challenge, if there was one.
func (c *code) verify(verifier atlassian.Secret) bool {
	switch {
	case c.challenge == "":
		return true
	case c.challengeMethod == "S256":
		sum := sha256.Sum256([]byte(verifier.Reveal()))
		return base64.RawURLEncoding.EncodeToString(sum[:]) == c.challenge
	default:
		return verifier.Reveal() == c.challenge
	}
}

// dropCodes removes the codes that match selects.
func (c *consents) dropCodes(match func(*code) bool) {
	for text, held := range c.codes {
		if match(held) {
			delete(c.codes, text)
		}
	}
}
