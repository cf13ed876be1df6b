package verify

import (
	"strings"
	"time"
)

// Result is how a check ended.
type Result string

// The results of a check.
const (
	// Passed: the path answered as it should.
	Passed Result = "ok"
	// Failed: it did not; Meaning says what that means.
	Failed Result = "failed"
	// NotRun: it was not requested; Meaning says why.
	NotRun Result = "not run"
)

// Check is one test path and its result.
type Check struct {
	// Path as it was, or would have been, requested, without its query.
	Path   string `json:"path"`
	Result Result `json:"result"`
	// Status is the HTTP status; 0 when there was no answer.
	Status int `json:"status,omitempty"`
	// Needs is what the token's scopes have to hold.
	Needs []string `json:"needs_scopes,omitempty"`
	// Missing are the scopes that would have to be granted as well.
	Missing []string `json:"missing_scopes,omitempty"`
	// Meaning of a failure, or why the check was not run, and what to do.
	Meaning string `json:"meaning,omitempty"`
	// Reference is the page that documents the path and its scopes.
	Reference string `json:"reference"`
}

// Report is the outcome of all checks.
type Report struct {
	// CloudID and SiteURL are the site that was asked.
	CloudID string `json:"cloud_id"`
	SiteURL string `json:"site_url,omitempty"`
	// Issue is the key of the issue that was asked about; empty without one.
	Issue string `json:"issue,omitempty"`
	// At is when the checks began, in UTC.
	At     time.Time `json:"at"`
	Checks []Check   `json:"checks"`
}

// Failures counts the checks that failed. Those that were not run do not count.
func (r Report) Failures() int {
	n := 0
	for _, c := range r.Checks {
		if c.Result == Failed {
			n++
		}
	}
	return n
}

// ExampleIssue is the issue if the token opens it, and otherwise empty.
func (r Report) ExampleIssue() string {
	for _, c := range r.Checks {
		if c.Result == Passed && r.Issue != "" && strings.Contains(c.Path, "/issue/"+r.Issue+"/") {
			return r.Issue
		}
	}
	return ""
}
