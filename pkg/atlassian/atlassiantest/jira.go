package atlassiantest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// needs lists alternative sets of scopes. A token needs every scope of one set.
type needs [][]string

// The scopes that the connector's test paths need: the classic one, or the granular set.
var (
	needsUsers    = needs{{"read:jira-user"}, {"read:user:jira", "read:group:jira", "read:avatar:jira"}}
	needsGroups   = needs{{"read:group:jira"}, {"manage:jira-configuration"}}
	needsWork     = needs{{"read:jira-work"}}
	issueSections = []string{"changelog", "comment", "worklog"}
)

func (n needs) met(scopes []string) bool {
	return slices.ContainsFunc(n, func(all []string) bool {
		return !slices.ContainsFunc(all, func(s string) bool { return !slices.Contains(scopes, s) })
	})
}

// issueKeys exist on every emulated site.
var issueKeys = []string{"TK-1", "TK-2", "TK-3"}

// jira answers the connector's test paths under /ex/jira/{cloudID}/rest/api/3/.
func (h *front) jira(w http.ResponseWriter, r *http.Request) {
	info, err := h.e.ValidateAccess(bearerToken(r))
	if err != nil {
		answerRefusal(w, err)
		return
	}
	need, answer := route(strings.Split(r.PathValue("path"), "/"), r.URL.Query())
	switch {
	case answer == nil || !slices.Contains(info.CloudIDs, r.PathValue("cloudID")):
		answerAPIError(w, http.StatusNotFound, "Not Found")
	case !need.met(info.Scopes):
		answerRefusal(w, refusedScope)
	default:
		status, body := answer(h.e.view(r.PathValue("cloudID")))
		answerJSON(w, status, body)
	}
}

type object = map[string]any

// route finds the answer for a path. It is nil if the path is not a test path.
func route(path []string, query url.Values) (needs, func(siteView) (int, any)) {
	switch {
	case slices.Equal(path, []string{"users"}):
		return needsUsers, func(v siteView) (int, any) { return http.StatusOK, users(v) }
	case slices.Equal(path, []string{"group", "bulk"}):
		return needsGroups, func(v siteView) (int, any) { return http.StatusOK, groups() }
	case slices.Equal(path, []string{"project", "search"}):
		return needsWork, func(v siteView) (int, any) { return http.StatusOK, projects(v) }
	case slices.Equal(path, []string{"search", "jql"}):
		return needsWork, func(siteView) (int, any) { return searchIssues(query.Get("jql")) }
	case len(path) == 3 && path[0] == "issue" && slices.Contains(issueSections, path[2]):
		return needsWork, func(v siteView) (int, any) { return issueSection(v, path[1], path[2]) }
	}
	return nil, nil
}

func person(v siteView, a Account) object {
	return object{
		"self":      v.site.URL + "/rest/api/3/user?accountId=" + a.ID,
		"accountId": a.ID, "accountType": "atlassian", "displayName": a.Name,
		"emailAddress": a.Email, "active": true,
	}
}

func users(v siteView) []object {
	list := []object{}
	for _, m := range v.members {
		list = append(list, person(v, m))
	}
	return list
}

func groups() object {
	return object{
		"maxResults": 50, "startAt": 0, "total": 1, "isLast": true,
		"values": []object{{"name": "jira-users", "groupId": "276f955c-63d7-42c8-9520-92d01dca0625"}},
	}
}

func projects(v siteView) object {
	return object{
		"self": v.site.URL + "/rest/api/3/project/search", "maxResults": 50, "startAt": 0, "total": 1, "isLast": true,
		"values": []object{{"id": "10000", "key": "TK", "name": "Token keeping", "projectTypeKey": "software"}},
	}
}

// searchIssues answers every query with all issues. It refuses a query without a
// restriction, such as one that only orders.
func searchIssues(jql string) (int, any) {
	restriction, _, _ := strings.Cut(strings.ToLower(jql), "order by")
	if strings.TrimSpace(restriction) == "" {
		return http.StatusBadRequest, object{
			"errorMessages": []string{"Unbounded JQL queries are not allowed here. Please add a search restriction to your query."},
			"errors":        object{},
		}
	}
	issues := []object{}
	for i, key := range issueKeys {
		issues = append(issues, object{"id": strconv.Itoa(10001 + i), "key": key})
	}
	return http.StatusOK, object{"issues": issues, "isLast": true}
}

// issueSection lists the one change, comment or worklog of an issue.
func issueSection(v siteView, key, section string) (int, any) {
	if !slices.Contains(issueKeys, key) {
		return http.StatusNotFound, object{
			"errorMessages": []string{"Issue does not exist or you do not have permission to see it."},
			"errors":        object{},
		}
	}
	entry := object{"id": "10001", "created": "2026-01-05T09:00:00.000+0000"}
	if len(v.members) > 0 {
		entry["author"] = person(v, v.members[0])
	}
	page := object{"startAt": 0, "maxResults": 50, "total": 1}
	switch section {
	case "changelog":
		entry["items"] = []object{{"field": "status", "fromString": "To Do", "toString": "Done"}}
		page["values"], page["isLast"] = []object{entry}, true
	case "comment":
		page["comments"] = []object{entry}
	case "worklog":
		entry["timeSpentSeconds"] = 3600
		page["worklogs"] = []object{entry}
	}
	return http.StatusOK, page
}
