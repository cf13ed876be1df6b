package verify

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// API is what is asked of Atlassian; *atlassian.Client is one.
type API interface {
	// AccessibleResources lists what the token may reach.
	AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error)
	// Get requests a path; its error is an *atlassian.Error.
	Get(ctx context.Context, access atlassian.Secret, path string) (*atlassian.Response, error)
}

// Request says what to verify.
type Request struct {
	// Access is the bare access token.
	Access atlassian.Secret
	// Expires is when it expires as far as is known; zero where nothing is. What
	// the token says of itself is looked at too.
	Expires time.Time
	// CloudID of the site; empty takes the token's only site.
	CloudID string
	// Issue is the key of an issue such as ABC-12; empty looks for one.
	Issue string
}

const idCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

// isCloudID and isIssue report whether s has the form of one.
func isCloudID(s string) bool { return s != "" && len(s) <= 64 && strings.Trim(s, idCharacters) == "" }
func isIssue(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, idCharacters+"_") == ""
}

// Check refuses a request that cannot be made: it names the input, what was
// expected and what to do next.
func (r Request) Check() error {
	if r.Access.IsZero() {
		return errors.New("there is no access token to verify: consent first, or let the keeper make a tick")
	}
	if err := CheckCloudID(r.CloudID); err != nil {
		return err
	}
	return CheckIssue(r.Issue)
}

// CheckCloudID refuses what cannot be a cloud id; an empty one stands for none.
func CheckCloudID(id string) error {
	if id != "" && !isCloudID(id) {
		return errors.New("the cloud id " + shown(id) + " is not one: expected an id such as 1324a887-45db-1bf4-1e99-ef0ff456d421, as accessible-resources lists it")
	}
	return nil
}

// CheckIssue refuses what cannot be an issue's key; an empty one stands for none.
func CheckIssue(key string) error {
	if key != "" && !isIssue(key) {
		return errors.New("the issue " + shown(key) + " is not a key: expected one such as ABC-12")
	}
	return nil
}

// shown quotes a text, unless it is long or an address with parameters: those may hold a code.
func shown(text string) string {
	if len(text) > 80 || len(text) > 30 && strings.ContainsAny(text, "?&=#") {
		return "(not shown, as it is long or holds an address)"
	}
	return strconv.Quote(text)
}

// Run requests every path once, one after another, and reports. It always
// comes to an end: each request is bounded by timeout, all of them by ctx.
func Run(ctx context.Context, api API, r Request, now time.Time, timeout time.Duration) Report {
	v := verifier{api: api, request: r, timeout: timeout, expired: expired(r, now)}
	v.report = Report{CloudID: r.CloudID, Issue: r.Issue, At: now.UTC()}
	v.resources(ctx)
	for _, p := range psoxy.Paths {
		v.path(ctx, p)
	}
	return v.report
}

// verifier is one run.
type verifier struct {
	api     API
	request Request
	timeout time.Duration
	report  Report
	// expired is when the access token expired; zero if it lives, or nobody knows.
	expired time.Time
	// granted are the site's scopes; nil until the token and the site are found good.
	granted []string
	// searchFailed: the path that finds an issue did not work.
	searchFailed bool
}

// expiryMargin: a token that expires so soon may do so between two requests.
const expiryMargin = time.Minute

// expired is when the access token expired, by what is known of it; zero if it
// lives, or nothing is known.
func expired(r Request, now time.Time) time.Time {
	at := r.Expires
	if claims, ok := atlassian.Claims(r.Access); ok && !claims.ExpiresAt.IsZero() && (at.IsZero() || claims.ExpiresAt.Before(at)) {
		at = claims.ExpiresAt
	}
	if at.IsZero() || at.After(now.Add(expiryMargin)) {
		return time.Time{}
	}
	return at
}

// resources checks the token itself and finds the site.
func (v *verifier) resources(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	c := Check{Path: "/oauth/token/accessible-resources", Result: Passed, Status: http.StatusOK, Reference: resourcesReference}
	list, err := v.api.AccessibleResources(ctx, v.request.Access)
	if err == nil {
		c.Meaning = v.pick(atlassian.Sites(list))
	} else {
		c.Status, c.Meaning = v.describeToken(err)
	}
	if c.Meaning != "" {
		c.Result = Failed
	}
	v.report.Checks = append(v.report.Checks, c)
}

const resourcesReference = "https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/"

// pick chooses the site, or says why it cannot.
func (v *verifier) pick(sites []atlassian.Site) string {
	id := v.request.CloudID
	at := slices.IndexFunc(sites, func(s atlassian.Site) bool { return s.ID == id })
	switch {
	case len(sites) == 0:
		return "the token reaches no site: right after a consent, try again in a minute; else the account that consented is a guest or lost the site, or an admin blocked or removed the app there: ask the site's admin, and consent again with an account that uses Jira there"
	case id == "" && len(sites) > 1:
		return "the token reaches " + strconv.Itoa(len(sites)) + " sites and CLOUD_ID is not stored: give --cloud-id; they are " + listSites(sites)
	case id == "":
		at = 0
	case at < 0:
		return "the token does not reach the site " + id + ", but " + listSites(sites) + ": correct CLOUD_ID, or consent again and choose that site"
	}
	site := sites[at]
	if !isCloudID(site.ID) {
		return "Atlassian listed a site whose id is not of the known form"
	}
	v.report.CloudID, v.report.SiteURL = site.ID, site.URL
	v.granted = append([]string{}, site.Scopes...)
	return ""
}

func listSites(sites []atlassian.Site) string {
	var names []string
	for _, s := range sites {
		names = append(names, s.URL+" ("+s.ID+")")
	}
	return strings.Join(names, ", ")
}

// path makes one request and judges it.
func (v *verifier) path(ctx context.Context, p psoxy.Path) {
	c := Check{Path: v.address(p), Result: NotRun, Needs: p.Scopes[0], Reference: p.Reference}
	defer func() { v.report.Checks = append(v.report.Checks, c) }()
	if c.Meaning = v.hindrance(p); c.Meaning != "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	answer, err := v.api.Get(ctx, v.request.Access, c.Path+"?"+p.Query)
	if err != nil {
		c.Result = Failed
		c.Status, c.Missing, c.Meaning = v.describe(p, err)
		v.searchFailed = v.searchFailed || p.Name == psoxy.SearchPath.Name
		return
	}
	if c.Meaning = anonymous(answer); c.Meaning != "" {
		c.Result, c.Status = Failed, answer.Status
		v.searchFailed = v.searchFailed || p.Name == psoxy.SearchPath.Name
		return
	}
	c.Result, c.Status = Passed, answer.Status
	if p.Name == psoxy.SearchPath.Name && v.report.Issue == "" {
		v.report.Issue = firstIssue(answer.Body)
	}
}

// address is a path's, with placeholders for what is not known.
func (v *verifier) address(p psoxy.Path) string {
	cloudID, issue := v.report.CloudID, v.report.Issue
	if cloudID == "" {
		cloudID = "{cloudId}"
	}
	if issue == "" {
		issue = "{issue}"
	}
	return p.Under(cloudID, issue)
}

// hindrance says why a path cannot be requested; empty if it can.
func (v *verifier) hindrance(p psoxy.Path) string {
	switch {
	case v.granted == nil:
		return "it needs a token and a site that pass the first check"
	case p.NeedsIssue() && v.report.Issue == "" && v.searchFailed:
		return "it needs an issue, and the search for one failed: name one with --issue KEY"
	case p.NeedsIssue() && v.report.Issue == "":
		return "it needs an issue, and none was found that the account can see: name one with --issue KEY"
	}
	return ""
}

// firstIssue reads the key of the first issue of a search; empty without one.
func firstIssue(body []byte) string {
	var found struct {
		Issues []struct {
			Key string `json:"key"`
		} `json:"issues"`
	}
	if json.Unmarshal(body, &found) != nil || len(found.Issues) == 0 || !isIssue(found.Issues[0].Key) {
		return ""
	}
	return found.Issues[0].Key
}
