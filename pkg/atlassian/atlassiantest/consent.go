package atlassiantest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// grantKey: there is one grant per app and account.
type grantKey struct{ client, account string }

// grant is what an account allows an app, whatever the number of families.
type grant struct {
	scopes []string // of the latest consent; never modified in place
	sites  []*site  // each consent adds the site that was picked
}

// code is an authorization code that was not exchanged yet.
type code struct {
	app                 *app
	account             *account
	site                *site
	redirect            string
	consented, expires  time.Time
	challenge, s256Kind string
}

// ConsentRequest says who allows what to which app. Empty fields mean: the
// only or first app, the account that is signed in, every scope of the app and
// offline_access, the app's first redirect URI, the account's first site.
type ConsentRequest struct {
	ClientID, AccountID string
	Scopes              []string
	RedirectURI         string
	CloudID             string
	// CodeChallenge and CodeChallengeMethod (plain or S256) are PKCE's, which
	// is undocumented but tolerated. Once given, the exchange needs the verifier.
	CodeChallenge, CodeChallengeMethod string
}

// Consent is what a browser does on the consent page when Accept is pressed:
// it renews the grant and returns the authorization code. The error is a
// *Refusal where /authorize would show an error page.
func (e *Emulator) Consent(r ConsentRequest) (atlassian.Secret, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if r.ClientID == "" && len(e.appOrder) > 0 {
		r.ClientID = e.appOrder[0].ClientID
	}
	if a := e.apps[r.ClientID]; a != nil {
		if r.RedirectURI == "" && len(a.RedirectURIs) > 0 {
			r.RedirectURI = a.RedirectURIs[0]
		}
		if r.Scopes == nil {
			r.Scopes = append([]string{scopeOffline}, a.Scopes...)
		}
	}
	a, acc, err := e.checkConsent(r)
	if err != nil {
		return atlassian.Secret{}, err
	}
	return e.accept(a, acc, r)
}

// checkConsent finds the four faults that /authorize answers by an error page.
func (e *Emulator) checkConsent(r ConsentRequest) (*app, *account, error) {
	a := e.apps[r.ClientID]
	if a == nil {
		return nil, nil, &Refusal{400, "invalid_client", fmt.Sprintf("there is no app with client_id %q", r.ClientID)}
	}
	if !slices.Contains(a.RedirectURIs, r.RedirectURI) {
		return nil, nil, &Refusal{400, "redirect_mismatch", fmt.Sprintf("redirect_uri %q is not registered for the app; it must match exactly, path included", r.RedirectURI)}
	}
	for _, s := range r.Scopes {
		if s != scopeOffline && !slices.Contains(a.Scopes, s) {
			return nil, nil, &Refusal{400, "invalid_scope", fmt.Sprintf("the app lacks the scope %q; add it under Permissions", s)}
		}
	}
	acc := e.person(r.AccountID)
	if acc == nil || acc.inactive {
		return nil, nil, &Refusal{403, "no_account", fmt.Sprintf("account %q does not exist or is deactivated", r.AccountID)}
	}
	owner := a.Owner
	if owner == "" && len(e.people) > 0 {
		owner = e.people[0].ID
	}
	if !a.Distributed && owner != acc.ID {
		return nil, nil, &Refusal{403, "undistributed_app", "this app is not distributed: only the account that created it may use it"}
	}
	return a, acc, nil
}

func (e *Emulator) accept(a *app, acc *account, r ConsentRequest) (atlassian.Secret, error) {
	picked, err := pickSite(acc, r.CloudID)
	if err != nil {
		return atlassian.Secret{}, err
	}
	switch r.CodeChallengeMethod {
	case "", "plain", "S256":
	default:
		return atlassian.Secret{}, &Refusal{400, "invalid_request", "code_challenge_method must be plain or S256"}
	}
	now := e.clock.Now()
	for text, c := range e.codes {
		if !now.Before(c.expires) {
			delete(e.codes, text)
		}
	}
	key := grantKey{a.ClientID, acc.ID}
	g := e.grants[key]
	if g == nil {
		g = &grant{}
		e.grants[key] = g
	}
	g.scopes = answerOrder(r.Scopes)
	if picked != nil && !slices.Contains(g.sites, picked) {
		g.sites = append(g.sites, picked)
	}
	c := &code{
		app: a, account: acc, site: picked, redirect: r.RedirectURI,
		consented: now, expires: now.Add(e.policy.CodeLifetime),
		challenge: r.CodeChallenge, s256Kind: r.CodeChallengeMethod,
	}
	id := tokenID{kind: kindCode, serial: e.rng.Uint64()}
	text := e.minter.mint(id, &claims{
		client: a.ClientID, account: acc.ID, issued: now, expires: c.expires,
	})
	e.codes[text] = c
	return atlassian.NewSecret(text), nil
}

// pickSite finds the site chosen on the consent page; a guest has none to choose.
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
	return nil, &Refusal{400, "invalid_site", fmt.Sprintf("account %q is no member of site %q", acc.ID, cloudID)}
}

// answerOrder returns the scopes as answers list them: each once, and not in
// the order of the request.
func answerOrder(requested []string) []string {
	out := slices.Clone(requested)
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(b, a) })
	return slices.Compact(out)
}

func hasOffline(scopes []string) bool { return slices.Contains(scopes, scopeOffline) }
