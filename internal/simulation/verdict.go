package simulation

import (
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Atlassian's reuse interval, and the part of it in which a tick must begin to
// be of use: a minute at its end is for disagreeing clocks and for the request.
const (
	reuseInterval = 10 * time.Minute
	usable        = reuseInterval - time.Minute
)

// asleep is how long after its last rotation a family, in a run that has settled,
// counts as given up: its access token has expired, and nobody gets a new one.
const asleep = 90 * time.Minute

// judge decides about the newest consent's family: kept, lost for a reason, or
// lost avoidably. final is false when a newer consent takes its place while the
// run goes on; then only a dead family is judged.
func (o *oracle) judge(final bool) {
	f, ok := o.w.em.Family(o.family)
	if !ok || o.judged[o.family] {
		return
	}
	top, known := o.w.em.Lookup(o.w.slots[slotRefresh].entry.Value)
	mine := known && top.FamilyID == o.family
	switch {
	case f.Death == nil && final && mine && o.w.now.Sub(o.rotated) > asleep:
		o.note("a living family is not rotated any more")
		o.lost("")
	case f.Death == nil && (!final || mine && top.Status == atlassiantest.StatusLive):
		return
	case f.Death != nil:
		o.lost(o.whyDead(*f.Death))
	case !mine:
		o.lost(o.whyCovered())
	default:
		o.lost(o.whySpent(o.rankOf(top)))
	}
}

// lost counts a loss; an empty reason makes it avoidable.
func (o *oracle) lost(reason string) {
	if o.judged == nil {
		o.judged, o.losses = map[string]bool{}, map[string]int{}
	}
	o.judged[o.family] = true
	if reason == "" {
		o.AvoidableLosses++
		o.note("an avoidable loss")
		return
	}
	o.note("unavoidable: " + reason)
	o.losses[reason]++
}

func (o *oracle) whyDead(d atlassiantest.Death) string {
	switch d.Cause {
	case atlassiantest.CauseRevokedByUser, atlassiantest.CausePasswordChanged, atlassiantest.CauseUninstalled, atlassiantest.CauseExpiredAbsolute:
		return strings.ReplaceAll(string(d.Cause), "_", " ")
	case atlassiantest.CauseSupersededByConsent:
		return "superseded by a newer consent"
	case atlassiantest.CauseInactive:
		return ""
	}
	if strings.HasPrefix(d.Presenter, "psoxy") {
		return "psoxy presented a token too late"
	}
	f := rank{generation: d.Generation, sibling: d.Sibling}
	for i, id := range o.ids {
		if id == o.family {
			f.consent = i
		}
	}
	return o.whySpent(f)
}

// whyCovered: the store holds a token of another family.
func (o *oracle) whyCovered() string {
	if o.coverer != nil && o.coverer.refresher == nil {
		return strings.TrimRight(o.coverer.name, "-0123456789") + " wrote an older token over it"
	}
	return ""
}

// whySpent: a token was spent and its successor was saved by nobody. That is
// unavoidable if psoxy did it, or if no tick could have helped. A keeper that
// spends while it could know that it cannot save has no excuse.
func (o *oracle) whySpent(r rank) string {
	p := o.spend(r)
	if p == nil {
		for _, parent := range o.spends {
			if parent.of.consent != r.consent || parent.of.generation != r.generation-1 {
				continue
			}
			switch {
			case parent.psoxy:
				return "psoxy presented a token again and lost its successor"
			case parent.rivalLost, parent.rival != nil && parent.rival.dead:
				return "two keepers at once, the second on stale reads, and its answer lost"
			}
		}
		return ""
	}
	if p.by.refresher == nil {
		return "psoxy spent the token and lost its successor"
	}
	if o.coverer != nil && o.coverer.refresher == nil {
		return strings.TrimRight(o.coverer.name, "-0123456789") + " wrote an older token over it"
	}
	switch {
	case p.chance && p.erased && !p.blind:
		return "psoxy deleted the lock that told of the spend"
	case p.chance && p.skewed && !p.blind:
		return "the clock was wrong when the token was spent, and the answer lost"
	case p.chance, p.blind:
		return ""
	case p.ticks == 0:
		return "no tick within the leeway"
	}
	return "every tick within the leeway had trouble: " + p.why.String()
}

var troubleNames = [troubleCount]string{"store down", "key denied", "Atlassian failing", "Atlassian losing answers",
	"Atlassian unreachable", "clock wrong", "account inactive", "client secret wrong", "lock held by another", "paused", "killed"}

// String names what is in the set.
func (t trouble) String() string {
	var names []string
	for i, name := range troubleNames {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// blind reports whether a first spend now is one that should not be: the key
// has denied writes since before this tick. Not so where a lock was left behind:
// then the token is in doubt, and presenting it the only way to its successor.
func (o *oracle) blind(by *actor) bool {
	return o.w.down&keyDown != 0 && o.w.keyDenies.Before(by.begun) && o.w.slots[slotLock].entry.Version == 1
}
