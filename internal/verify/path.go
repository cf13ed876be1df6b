package verify

import (
	"slices"
	"strings"
)

// path is one of the connector's test paths.
type path struct {
	// name is the path below /ex/jira/{cloudId}/rest/api/3/, with {issue} where
	// an issue's key belongs.
	name string
	// query is what is added to ask for little.
	query string
	// scopes are alternatives; of one of them every scope is needed. The first
	// is what the connector asks for.
	scopes [][]string
	// permission is what the account itself needs in Jira.
	permission string
	// reference is the page of Atlassian's reference, below referenceURL.
	reference string
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

// searchPath finds an issue for the paths that need one. Jira demands a query
// with a restriction.
var searchPath = path{
	name:   "search/jql",
	query:  "jql=created%20%3E%3D%20-3650d%20order%20by%20created%20desc&maxResults=1&fields=key",
	scopes: workScopes, permission: browseProjects, reference: "api-group-issue-search/",
}

// jiraPaths are requested in this order.
var jiraPaths = []path{
	{"users", "maxResults=1", userScopes, browseUsers, "api-group-users/"},
	{"group/bulk", "maxResults=1", groupScopes, browseUsers, "api-group-groups/"},
	{"project/search", "maxResults=1", workScopes, `the permission "Browse projects" of a project`, "api-group-projects/"},
	searchPath,
	{"issue/{issue}/changelog", "maxResults=1", workScopes, browseProjects, "api-group-issues/"},
	{"issue/{issue}/comment", "maxResults=1", workScopes, browseProjects, "api-group-issue-comments/"},
	{"issue/{issue}/worklog", "maxResults=1", workScopes, browseProjects + ", and time tracking switched on", "api-group-issue-worklogs/"},
}

func (p path) needsIssue() bool { return strings.Contains(p.name, "{issue}") }

// under returns the whole path for a site and an issue.
func (p path) under(cloudID, issue string) string {
	return "/ex/jira/" + cloudID + "/rest/api/3/" + strings.ReplaceAll(p.name, "{issue}", issue)
}

// missing returns what the granted scopes lack for this path: nothing if one of
// the alternatives is complete, and otherwise what the nearest one lacks.
func (p path) missing(granted []string) []string {
	var nearest []string
	for i, needed := range p.scopes {
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
