package atlassian

import (
	"context"
	"encoding/json"
	"slices"
)

// Resource is an entry of accessible-resources: one product of one site, with
// the scopes granted there.
type Resource struct {
	// ID is the cloud id. It is not unique in a list: a site with Jira and
	// Confluence appears once for each, told apart by scopes. See Sites.
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	AvatarURL string   `json:"avatarUrl"`
}

// Site is what the entries of one cloud id say together.
type Site struct {
	// ID is the cloud id, the one in /ex/jira/{cloudId}/.
	ID   string
	URL  string
	Name string
	// Scopes is the union of the entries' scopes, in order of appearance.
	Scopes    []string
	AvatarURL string
}

// Sites merges the entries of each cloud id. Sites come in the order of their
// first entry; a URL, name or avatar is the first one that is not empty.
// Entries without an id are left out.
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

// AccessibleResources lists what the access token may reach, in Atlassian's
// order, which means nothing, and with its duplicates. The list is empty, and
// not nil, for a guest of all sites.
//
// The error is an *Error. Permanent: the access token is refused, or its scopes
// do not fit; refresh it. Asking spends nothing, so it may be repeated.
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
