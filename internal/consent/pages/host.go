package pages

import (
	"net/mail"
	"strings"
)

// Host is who the pages speak for. Both fields may be empty.
type Host struct {
	// Organization is the name of the organization that asks for consents.
	Organization string
	// Contact is whom to ask: a mail address, an https address, or any text.
	Contact string
}

// reach is the address behind Contact; empty if it is not an address.
func (h Host) reach() string {
	if strings.HasPrefix(h.Contact, "https://") {
		return h.Contact
	}
	if a, err := mail.ParseAddress(h.Contact); err == nil && a.Address == h.Contact {
		return "mailto:" + h.Contact
	}
	return ""
}

// meanings say what scopes allow, after "it can". Atlassian describes them at
// https://developer.atlassian.com/cloud/jira/platform/scopes-for-oauth-2-3LO-and-forge-apps/.
var meanings = map[string]string{
	"offline_access":   "stay connected while you are not signed in, until you or an administrator end it",
	"read:jira-work":   "read the projects, issues, comments and work logs that your account may see",
	"read:jira-user":   "read who the users of Jira are: names, and addresses where they are visible",
	"read:user:jira":   "read the details of users",
	"read:group:jira":  "read the groups, and who belongs to them",
	"read:avatar:jira": "read the pictures of users and projects",
	"read:account":     "read the profile of your Atlassian account",
	"read:me":          "read your own profile",
}
