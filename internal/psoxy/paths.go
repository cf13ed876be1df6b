package psoxy

import (
	"slices"
	"strings"
)

// Path is one of the connector's test paths.
type Path struct {
	// Name is the path below /ex/jira/{cloudId}/rest/api/3/, with {issue} where
	// an issue's key belongs.
	Name string
	// Query is what is added to ask for little.
	Query string
	// Scopes are alternatives; of one of them every scope is needed. The first
	// is what the connector asks for.
	Scopes [][]string
	// Permission is what the account itself needs in Jira.
	Permission string
	// Reference is the page of Atlassian's reference.
	Reference string
}

// referenceURL is Atlassian's reference of Jira's REST API.
const referenceURL = "https://developer.atlassian.com/cloud/jira/platform/rest/v3/"

// The scopes in use. Each operation of the reference names a classic scope, or a
// granular set that does the same.
var (
	userScopes  = [][]string{{"read:jira-user"}, {"read:user:jira", "read:group:jira", "read:avatar:jira"}}
	groupScopes = [][]string{{"read:group:jira"}, {"manage:jira-configuration"}}
	workScopes  = [][]string{{"read:jira-work"}}
)

const (
	browseUsers    = `the global permission "Browse users and groups"`
	browseProjects = `the permission "Browse projects" of the issue's project`
)

// SearchPath finds an issue for the paths that need one. Jira demands a query
// with a restriction.
var SearchPath = Path{
	Name:   "search/jql",
	Query:  "jql=created%20%3E%3D%20-3650d%20order%20by%20created%20desc&maxResults=1&fields=key",
	Scopes: workScopes, Permission: browseProjects, Reference: referenceURL + "api-group-issue-search/",
}

// Paths are requested in this order.
var Paths = []Path{
	{"users", "maxResults=1", userScopes, browseUsers, referenceURL + "api-group-users/"},
	{"group/bulk", "maxResults=1", groupScopes, browseUsers, referenceURL + "api-group-groups/"},
	{"project/search", "maxResults=1", workScopes, `the permission "Browse projects" of a project`, referenceURL + "api-group-projects/"},
	SearchPath,
	{"issue/{issue}/changelog", "maxResults=1", workScopes, browseProjects, referenceURL + "api-group-issues/"},
	{"issue/{issue}/comment", "maxResults=1", workScopes, browseProjects, referenceURL + "api-group-issue-comments/"},
	{"issue/{issue}/worklog", "maxResults=1", workScopes, browseProjects + ", and time tracking switched on", referenceURL + "api-group-issue-worklogs/"},
}

// NeedsIssue reports whether an issue's key belongs into the path.
func (p Path) NeedsIssue() bool { return strings.Contains(p.Name, "{issue}") }

// Under returns the whole path for a site and an issue.
func (p Path) Under(cloudID, issue string) string {
	return "/ex/jira/" + cloudID + "/rest/api/3/" + strings.ReplaceAll(p.Name, "{issue}", issue)
}

// Missing returns what the granted scopes lack for this path: nothing if one of
// the alternatives is complete, and otherwise what the nearest one lacks.
func (p Path) Missing(granted []string) []string {
	var nearest []string
	for i, needed := range p.Scopes {
		var lacks []string
		for _, s := range needed {
			if !slices.Contains(granted, s) {
				lacks = append(lacks, s)
			}
		}
		if len(lacks) == 0 {
			return nil
		}
		if i == 0 || len(lacks) < len(nearest) {
			nearest = lacks
		}
	}
	return nearest
}
