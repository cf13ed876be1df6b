package atlassiantest

import (
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// AccessInfo is what a valid access token allows.
type AccessInfo struct {
	ClientID, AccountID, FamilyID string
	Generation                    int
	// Scopes are those that the token was issued with. Shared: do not modify.
	Scopes    []string
	ExpiresAt time.Time
	// CloudIDs are the sites that the grant covers.
	CloudIDs []string
}

// Has reports whether the token has a scope.
func (a AccessInfo) Has(scope string) bool { return slices.Contains(a.Scopes, scope) }

// ValidateAccess returns what an access token allows now. The error is the
// *RefusalError "Unauthorized" if it allows nothing.
func (s *families) ValidateAccess(token atlassian.Secret) (AccessInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, p := s.bearer(token)
	if p == nil {
		return AccessInfo{}, refusedBearer
	}
	info := AccessInfo{
		ClientID: f.app.ClientID, AccountID: f.account.ID, FamilyID: f.id,
		Generation: int(p.generation), Scopes: p.scopes, ExpiresAt: p.accessExpires,
	}
	for _, site := range f.grant.sites {
		info.CloudIDs = append(info.CloudIDs, site.CloudID)
	}
	return info, nil
}

// bearer finds the pair of an access token that is accepted now, or nil.
func (s *families) bearer(token atlassian.Secret) (*family, *pair) {
	text := token.Reveal()
	id, known := s.minter.identify(text)
	if known != formKnown || id.kind != kindAccess {
		return nil, nil
	}
	f := s.bySeq(id.family)
	if f == nil {
		return nil, nil
	}
	now := s.clock.Now()
	f.applyLimits(now, &s.policy)
	p := f.pairs[id.serial]
	if f.death != nil || f.account.inactive || p == nil || p.access != text || !f.accessLives(p, now) {
		return nil, nil
	}
	return f, p
}

// Resource is one entry of accessible-resources. ID is not unique: a site
// appears once per product, and only Scopes tell these entries apart.
type Resource struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	AvatarURL string   `json:"avatarUrl"`
}

// AccessibleResources lists what the token's grant covers. Each site has one
// entry per product that the token has scopes for. A guest's list is empty, not
// nil. The error is a *RefusalError with status 401.
func (s *families) AccessibleResources(token atlassian.Secret) ([]Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, p := s.bearer(token)
	if p == nil {
		return nil, refusedBearer
	}
	jira, confluence := productScopes(p.scopes)
	if len(jira)+len(confluence) == 0 {
		return nil, refusedScope
	}
	list := []Resource{}
	for _, site := range f.grant.sites {
		for _, scopes := range [][]string{jira, confluence} {
			if len(scopes) > 0 {
				list = append(list, Resource{
					ID: site.CloudID, URL: site.URL, Name: site.Name, Scopes: scopes,
					AvatarURL: site.URL + "/avatar/240/rocket.png",
				})
			}
		}
	}
	// Atlassian defines no order. The latest site comes first, so that no client
	// can rely on the order of the consents.
	slices.Reverse(list)
	return list, nil
}

// productScopes splits a token's scopes by product. Other scopes, such as
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
