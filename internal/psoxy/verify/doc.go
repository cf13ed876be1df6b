// Package verify finds out whether an access token opens what the connector needs.
// It requests the connector's own test paths, and explains each failure and the
// missing scope. It only reads.
//
// # What is judged by what
//
// A failure is explained by its status and by the scopes that accessible-resources
// lists for the site, never by an answer's prose. The token's own expiry is looked
// at first: Atlassian's gateway answers an expired token with 401, 403 or 404,
// depending on the path. Jira may answer it with a 200 for anonymous visitors and
// the header x-seraph-loginreason. If accessible-resources has just accepted the
// token, a 401 means that the scopes do not fit. A 403 means that the account
// lacks a permission in Jira; a 404 means another site or issue.
//
// # Sources
//
// The paths are the connector's: the example calls of psoxy's
// worklytics-connector-specs, and its rules in docs/sources/atlassian/jira. The
// scopes are those of Atlassian's reference of Jira's REST API, version 3, whose
// page each path names.
package verify
