package verify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// describeToken says what a failure of accessible-resources means: it is about
// the token, since nothing else is asked.
func (v *verifier) describeToken(err error) (status int, meaning string) {
	e := asError(err)
	switch {
	case refusesToken(e) && !v.expired.IsZero():
		return e.Status, v.describeExpiry()
	case e.Status == http.StatusUnauthorized:
		return e.Status, "Atlassian refuses the access token: it is expired or revoked, or has no scope of a product; let the keeper make a tick, and consent again if that does not help"
	}
	return e.Status, v.describeOther(e)
}

// refusesToken: with these statuses Atlassian's gateway answers to a token that
// has expired, depending on the path. They also have meanings of their own.
func refusesToken(e *atlassian.Error) bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || e.Status == http.StatusNotFound
}

func (v *verifier) describeExpiry() string {
	return "the access token expired at " + v.expired.UTC().Format(time.RFC3339) +
		", whatever else may be wrong: let the keeper make a tick, see its status if it makes none, and verify again"
}

// anonymous explains a success that Jira gave as to an anonymous visitor;
// otherwise it is empty.
func anonymous(r *atlassian.Response) string {
	if r.LoginReason == "" || r.LoginReason == "OK" {
		return ""
	}
	return "Jira answered as to an anonymous visitor (x-seraph-loginreason: " + r.LoginReason +
		"): it did not accept the access token, and what it left out is not known; let the keeper make a tick, and consent again if that does not help"
}

// describe says what a failure of a Jira path means.
func (v *verifier) describe(p psoxy.Path, err error) (status int, missing []string, meaning string) {
	e := asError(err)
	if refusesToken(e) && !v.expired.IsZero() {
		return e.Status, nil, v.describeExpiry()
	}
	missing = p.Missing(v.granted)
	switch {
	case e.Status == http.StatusUnauthorized && len(missing) > 0:
		meaning = "the scope " + strings.Join(missing, " and ") + " was not granted: add it to the app's permissions, then consent again with it"
	case e.Status == http.StatusUnauthorized:
		meaning = "Atlassian refuses the token for this path although its scopes are granted: compare the app's permissions with the scopes, then consent again"
	case e.Status == http.StatusForbidden:
		meaning = "the account that consented lacks " + p.Permission + ": have it granted in Jira"
	case e.Status == http.StatusNotFound && p.NeedsIssue():
		meaning = "there is no issue " + v.report.Issue + " that the account can see: name another with --issue, or have it granted " + p.Permission
	case e.Status == http.StatusNotFound:
		meaning = "the site does not serve Jira under this cloud id: compare CLOUD_ID with accessible-resources"
	case e.Status == http.StatusBadRequest && p.NeedsIssue():
		meaning = "Jira refuses the request: the account may lack " + p.Permission
	default:
		meaning = v.describeOther(e)
	}
	return e.Status, missing, meaning
}

// describeOther explains what has nothing to do with the path.
func (v *verifier) describeOther(e *atlassian.Error) string {
	switch {
	case e.Status == http.StatusRequestHeaderFieldsTooLarge:
		return fmt.Sprintf("the access token of %d bytes is too large for a header on the way: it grows with its scopes, so consent with fewer", v.request.Access.Len())
	case e.Status == http.StatusTooManyRequests && e.RetryAfter > 0:
		return fmt.Sprintf("Atlassian limits the rate of requests: try again in %s", e.RetryAfter.Round(time.Second))
	case e.Status == http.StatusTooManyRequests:
		return "Atlassian limits the rate of requests: try again in some minutes"
	case e.Status >= 500:
		return "Atlassian has a fault: try again later, and see status.atlassian.com"
	case e.Status/100 == 2:
		return "the answer is not what Atlassian documents: look whether a proxy stands in between, then try again"
	case e.Status != 0:
		return "Atlassian refuses the request"
	case errors.Is(e, context.Canceled):
		return "it was interrupted"
	case e.Err == context.DeadlineExceeded && !e.Sent:
		return "no connection came about in time: check the network, and the proxy in HTTPS_PROXY where there is one, then try again"
	case e.Err == context.DeadlineExceeded:
		return "no answer came in time: check the network, then try again"
	case e.Err != nil:
		return "no answer came: " + e.Err.Error()
	}
	return "no answer came: check the network, then try again"
}

// asError returns the *atlassian.Error that every failure is.
func asError(err error) *atlassian.Error {
	var e *atlassian.Error
	if errors.As(err, &e) {
		return e
	}
	return &atlassian.Error{Err: err}
}
