package atlassiantest

import (
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// AccessInfo is what a valid access token stands for.
type AccessInfo struct {
	ClientID, AccountID, FamilyID string
	Generation                    int
	// Scopes the token was issued with. Shared: do not modify.
	Scopes    []string
	ExpiresAt time.Time
	// CloudIDs of the sites that the grant covers.
	CloudIDs []string
}

// Has reports whether the token carries scope.
func (a AccessInfo) Has(scope string) bool { return slices.Contains(a.Scopes, scope) }

// ValidateAccess tells what an access token allows now. The error is the
// *Refusal "Unauthorized" when it allows nothing.
func (e *Emulator) ValidateAccess(token atlassian.Secret) (AccessInfo, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f, p := e.bearer(token)
	if p == nil {
		return AccessInfo{}, refusedBearer
	}
	info := AccessInfo{
		ClientID: f.app.ClientID, AccountID: f.account.ID, FamilyID: f.id,
		Generation: int(p.generation), Scopes: p.scopes, ExpiresAt: p.accessExpires,
	}
	for _, s := range f.grant.sites {
		info.CloudIDs = append(info.CloudIDs, s.CloudID)
	}
	return info, nil
}

// bearer finds the pair of an access token that is accepted now, or nil.
func (e *Emulator) bearer(token atlassian.Secret) (*family, *pair) {
	text := token.Reveal()
	id, known := e.minter.identify(text)
	if known != formKnown || id.kind != kindAccess {
		return nil, nil
	}
	f := e.familyBySeq(id.family)
	if f == nil {
		return nil, nil
	}
	now := e.clock.Now()
	f.settle(now, &e.policy)
	p := f.pairs[id.serial]
	if f.death != nil || f.account.inactive || p == nil || p.access != text || !f.accessLives(p, now) {
		return nil, nil
	}
	return f, p
}

// Resource is one entry of accessible-resources. ID is not unique: a site
// appears once per product, and only Scopes tell the entries apart.
type Resource struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	AvatarURL string   `json:"avatarUrl"`
}

// AccessibleResources lists what the token's grant covers: for each site one
// entry per product the token has scopes for. It is empty, not nil, for a
// guest. The error is one of the two 401 refusals.
func (e *Emulator) AccessibleResources(token atlassian.Secret) ([]Resource, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f, p := e.bearer(token)
	if p == nil {
		return nil, refusedBearer
	}
	jira, confluence := productScopes(p.scopes)
	if len(jira)+len(confluence) == 0 {
		return nil, refusedScope
	}
	list := []Resource{}
	for _, s := range f.grant.sites {
		for _, scopes := range [][]string{jira, confluence} {
			if len(scopes) > 0 {
				list = append(list, Resource{
					ID: s.CloudID, URL: s.URL, Name: s.Name, Scopes: scopes,
					AvatarURL: s.URL + "/avatar/240/rocket.png",
				})
			}
		}
	}
	// The order is undefined: let nobody rely on the first being the first consented.
	slices.Reverse(list)
	return list, nil
}

// productScopes splits a token's scopes by product. Others, such as
// offline_access or read:me, belong to neither.
func productScopes(scopes []string) (jira, confluence []string) {
	for _, s := range scopes {
		switch {
		case strings.Contains(s, "confluence"):
			confluence = append(confluence, s)
		case strings.Contains(s, "jira"):
			jira = append(jira, s)
		}
	}
	return jira, confluence
}
