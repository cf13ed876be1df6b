package family

import (
	"cmp"
	"time"
)

// How long the answer about a site holds. Just after a consent a grant may reach no site for a
// moment, so a missing site is confirmed first.
const (
	siteHolds    = 24 * time.Hour
	siteConfirms = 5 * time.Minute
	siteReturns  = time.Hour
)

// missingIsGone is the number of answers without the site that are believed.
const missingIsGone = 2

// SiteGone reports whether the access token does not reach the connection's site any more.
// Rotations go on all the same.
func (r Record) SiteGone() bool { return r.SiteMissing >= missingIsGone }

// SiteDue reports whether to ask Atlassian again which sites the access token reaches. That is
// once a day, more often while the site is missing, and then at once if CLOUD_ID is changed.
func SiteDue(s Snapshot) bool {
	r, holds := s.State.Record, siteHolds
	switch {
	case r.SiteMissing > 0 && s.CloudID.Modified.After(r.SiteAskedAt):
		return true
	case r.SiteGone():
		holds = siteReturns
	case r.SiteMissing > 0:
		holds = siteConfirms
	}
	return !Within(r.SiteAskedAt, s.Now, holds)
}

// SiteAnswered returns the record after an answer with or without the site.
func (r Record) SiteAnswered(there bool, at time.Time) Record {
	r.SiteAskedAt = stamp(at)
	if there {
		r.SiteMissing = 0
	} else {
		r.SiteMissing = min(r.SiteMissing+1, missingIsGone)
	}
	return r
}

// Site is the cloud id of the site that consumers read: what CLOUD_ID holds, or else what the
// consent told.
func (s Snapshot) Site() string {
	return cmp.Or(s.CloudID.Value.Reveal(), s.State.Record.CloudID)
}
