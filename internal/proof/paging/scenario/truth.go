package scenario

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// This file knows the truth from the emulator and the schedule, and never from an
// alarm or a metric.

func nextTick(w *world) time.Time { return w.tickAfter(w.clock.Now()) }

// nextQuestion is when Atlassian is asked next which sites are reached.
func nextQuestion(w *world) time.Time { return w.tickAfter(w.askedForSites.Add(day)) }

// missedTick is when the next tick should have come at the latest: nobody can
// miss it before.
func missedTick(w *world) time.Time {
	return w.tickAfter(w.clock.Now()).Truncate(time.Minute).Add(time.Minute)
}

// nextRotation is the first tick at which the access token has so little life left
// that the victim's refresh token is presented. Before it, Atlassian is not asked.
func nextRotation(w *world) time.Time {
	f, _ := w.em.Family(w.victim.familyID)
	due := f.Active.Add(w.em.Policy().AccessTokenLifetime - w.policy.RefreshBefore)
	if now := w.clock.Now(); due.Before(now) {
		due = now
	}
	// The client's clock starts a token's life when the request begins.
	return w.tickAfter(due.Add(-exchangeTakes))
}

// left is what remains of the victim's family and of its access token at a
// moment; ok is false while there is no family.
func (w *world) left(at time.Time) (days, accessSeconds float64, ok bool) {
	f, ok := w.em.Family(w.victim.familyID)
	if !ok {
		return 0, 0, false
	}
	if f.Death != nil && !f.Death.At.After(at) {
		return 0, 0, true
	}
	end := f.Born.Add(w.em.Policy().AbsoluteLifetime)
	access := f.Active.Add(w.em.Policy().AccessTokenLifetime)
	return max(0, end.Sub(at).Hours()/24), max(0, access.Sub(at).Seconds()), true
}

// settled is how long after a moment an alarm may still report it: a warning of a
// second family waits until the first one's has ended.
const settled = metrics.PassedPause + 15*time.Minute

// explained reports whether an alarm had a reason to sound.
func (w *world) explained(sc Scenario, r *Result, c alarm.Change) bool {
	if slices.ContainsFunc(sc.explains, c.Alarm.Watches) && sc.troubled(r, c.At) {
		return true
	}
	for _, f := range w.em.Families() {
		end := f.Born.Add(w.em.Policy().AbsoluteLifetime)
		if left, warns := w.days(c.Alarm); warns {
			due := end.Add(-time.Duration(left * float64(day)))
			if since := c.At.Sub(due); since >= 0 && since <= settled {
				return true
			}
		}
		expired := f.Death != nil && f.Death.Cause == atlassiantest.CauseExpiredAbsolute && !c.At.Before(end)
		if expired && slices.ContainsFunc(refused, c.Alarm.Watches) {
			return true
		}
	}
	return false
}

// troubled reports whether the cause, or an earlier one of its kind, may still make
// an alarm sound at a moment.
func (sc Scenario) troubled(r *Result, at time.Time) bool {
	if r.CauseAt == nil || at.Before(*r.CauseAt) {
		return sc.earlier != nil && !at.Before(start.Add(sc.earlierAt))
	}
	return sc.Lasts == 0 || !at.After(r.CauseAt.Add(sc.Lasts+settled))
}
