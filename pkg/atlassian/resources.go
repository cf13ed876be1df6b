package atlassian

import (
	"context"
	"encoding/json"
	"slices"
)

// Resource is an entry of accessible-resources: one product of one site, with the
// scopes that were granted for it.
type Resource struct {
	// ID is the cloud id. It is not unique in a list: a site with Jira and Confluence
	// appears once for each, with different scopes. See Sites.
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	AvatarURL string   `json:"avatarUrl"`
}

// Site is a site with all entries of its cloud id merged.
type Site struct {
	// ID is the cloud id, the one in /ex/jira/{cloudId}/.
	ID   string
	URL  string
	Name string
	// Scopes is the union of the entries' scopes, in order of appearance.
	Scopes    []string
	AvatarURL string
}

// Sites merges the entries of each cloud id. Sites are in the order of their first
// entry. URL, name and avatar are the first that are not empty. Entries without an
// id are left out.
func Sites(resources []Resource) []Site {
	sites := []Site{}
	at := map[string]int{}
	for _, r := range resources {
		if r.ID == "" {
			continue
		}
		i, known := at[r.ID]
		if !known {
			i = len(sites)
			at[r.ID] = i
			sites = append(sites, Site{ID: r.ID})
		}
		s := &sites[i]
		s.URL = firstOf(s.URL, r.URL)
		s.Name = firstOf(s.Name, r.Name)
		s.AvatarURL = firstOf(s.AvatarURL, r.AvatarURL)
		for _, scope := range r.Scopes {
			if !slices.Contains(s.Scopes, scope) {
				s.Scopes = append(s.Scopes, scope)
			}
		}
	}
	return sites
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

const errNoResources reason = "the answer is not a JSON array of resources"

// AccessibleResources lists what the access token may reach. It keeps Atlassian's
// duplicates and its order, which has no meaning. The list is empty and not nil if
// the user is only a guest of sites.
//
// The error is an *Error. Permanent: the access token is refused, or its scopes do
// not suffice; refresh it. The request spends nothing and may be repeated.
func (c *Client) AccessibleResources(ctx context.Context, access Secret) ([]Resource, error) {
	r, err := c.read(ctx, opResources, access, "/oauth/token/accessible-resources")
	if err != nil {
		return nil, err
	}
	var resources []Resource
	cause := r.err
	if cause == nil && (json.Unmarshal(trimMark(r.body), &resources) != nil || resources == nil) {
		cause = errNoResources
	}
	if err := c.readFailure(opResources, r, cause); err != nil {
		return nil, err
	}
	return resources, nil
}
