package simulation

import (
	"bytes"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// overdue is what ticks should have put right.
type overdue struct {
	// refresh is how many ticks without trouble, one after the other, left
	// REFRESH_TOKEN other than the ledger, and since when.
	refresh int
	since   time.Time
	// access is since when ticks without trouble left consumers without an access
	// token that works.
	access  time.Time
	counted bool
}

// How long a copy may stay wrong: the tick that finds it may be busy with the
// token itself, and the next one publishes; a candidate whose answer was lost is left
// there until its leeway is over, and one that was refused until the next tick has
// asked again. Nothing is written over a living candidate, or what stands over it,
// until that is judged: it may wait, like an access token, for the longest pause that
// the protocol makes between two attempts.
const (
	ticksToPublish = 3
	timeToPublish  = 15 * time.Minute
	longestPause   = 80 * time.Minute
)

// copiesAfter judges the copies at the end of a tick.
func (o *oracle) copiesAfter(a *actor) {
	w, d := o.w, &o.overdue
	info, ok := w.em.Lookup(o.chain.token)
	alive := ok && o.chain.valid != 0 && info.Status == atlassiantest.StatusLive
	if a.trouble != 0 || len(w.others) > 0 || !alive || d.counted {
		d.refresh, d.access = 0, time.Time{}
		return
	}
	s := &w.slots[slotRefresh]
	switch {
	case s.entry.Value == o.chain.token, w.now.Before(o.restrained), w.now.Before(s.unreadable), w.now.Before(s.unwritable), w.now.Before(s.labelled),
		s.by != nil && s.by.role != ticks && (!s.entry.Modified.Before(a.begun) || s.entry.Modified.After(d.since)):
		d.refresh, d.since = 0, w.now
	default:
		if d.refresh++; d.refresh == 1 {
			d.since = w.now
		}
		limit := timeToPublish
		for _, in := range o.inbox {
			if candidate, _ := w.em.Lookup(in.token); candidate.Status == atlassiantest.StatusLive && o.chain.of.less(in.of) {
				limit = longestPause
			}
		}
		if d.refresh >= ticksToPublish && w.now.Sub(d.since) > limit {
			d.counted = true
			o.count(&o.CopiesLeft, "REFRESH_TOKEN is left other than the ledger")
		}
	}
	s = &w.slots[slotAccess]
	switch {
	case o.worksNow(s.entry.Value), w.now.Before(s.unreadable), w.now.Before(s.unwritable), w.now.Before(s.labelled), w.refusals():
		d.access = time.Time{}
	case d.access.IsZero():
		d.access = w.now
	case w.now.Sub(d.access) > longestPause:
		d.counted = true
		o.count(&o.CopiesLeft, "ACCESS_TOKEN is left useless")
	}
}

// accessIn is the access token in a value of ACCESS_TOKEN, raw or in psoxy's form.
func accessIn(value atlassian.Secret) atlassian.Secret {
	var stack [1024]byte
	text := value.AppendReveal(stack[:0])
	rest, ok := bytes.CutPrefix(text, []byte(`{"token":"`))
	if !ok {
		return value
	}
	token, _, _ := bytes.Cut(rest, []byte(`"`))
	return atlassian.NewSecret(string(token))
}

// worksNow reports whether a value of ACCESS_TOKEN is a living access token.
func (o *oracle) worksNow(value atlassian.Secret) bool {
	info, ok := o.w.em.Lookup(accessIn(value))
	return ok && info.Kind == "access" && (info.Status == atlassiantest.StatusLive || info.Status == atlassiantest.StatusReusable)
}

// refusals reports whether good tokens were refused in this run. After that a
// keeper looks again only a few times a day.
func (w *world) refusals() bool { return w.struck[FalseRefusal]+w.struck[AtlassianDenies] > 0 }
