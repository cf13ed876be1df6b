package family

import (
	"cmp"
	"time"
)

// How long the answer about a site holds. A grant can reach no site for a moment
// after a consent, so one that misses a site is confirmed before it is believed.
const (
	siteHolds    = 24 * time.Hour
	siteConfirms = 5 * time.Minute
	siteReturns  = time.Hour
)

// missingIsGone is the number of answers without the site that are believed.
const missingIsGone = 2

// SiteGone reports whether the access token does not reach the connection's site
// any more, by Atlassian's own list. Rotations go on all the same.
func (r Record) SiteGone() bool { return r.SiteMissing >= missingIsGone }

// SiteDue reports whether to ask Atlassian again which sites the access token
// reaches: once a day, more often while the site is missing, and then at once when CLOUD_ID
// was changed.
func SiteDue(s Snapshot) bool {
	r, now, holds := s.State.Record, s.Now, siteHolds
	switch {
	case r.SiteMissing > 0 && s.CloudID.Modified.After(r.SiteAskedAt):
		return true
	case r.SiteGone():
		holds = siteReturns
	case r.SiteMissing > 0:
		holds = siteConfirms
	}
	return !now.Before(r.SiteAskedAt.Add(holds)) || r.SiteAskedAt.After(now.Add(ClockTolerance))
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

// Site is the cloud id of the site that consumers read: what CLOUD_ID holds, or
// else what the consent told; empty where neither does.
func (s Snapshot) Site() string {
	return cmp.Or(s.CloudID.Value.Reveal(), s.State.Record.CloudID)
}
