package psoxy

import (
	"slices"
	"strings"
)

// On Google Cloud psoxy keeps two things in labels of its secrets.
const (
	// VersionLabel names the version that psoxy reads, in decimal. Where it is missing,
	// or that version does not exist, psoxy reads the latest.
	VersionLabel = "latest-version"
	// LockLabel is its lock, in milliseconds since 1970, at the secret of this name
	// after the connection's prefix: LockSecret.
	LockLabel  = "locked"
	LockSecret = "OAUTH_REFRESH_TOKEN"
)

// read are the names after the connection's prefix that psoxy reads by VersionLabel.
var read = []string{"CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN"}

// ReadsByLabel reports whether psoxy reads the parameter's version by VersionLabel.
func ReadsByLabel(name string) bool {
	return slices.ContainsFunc(read, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
}
