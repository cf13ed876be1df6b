package simulation

import (
	"bytes"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// copyWatch finds copies that ticks should have put right.
type copyWatch struct {
	// refresh is how many ticks without trouble, one after the other, left
	// REFRESH_TOKEN other than the ledger, and since when.
	refresh int
	since   time.Time
	// access is how many ticks without trouble, one after the other, left consumers
	// without an access token that works, and useless since when.
	access  int
	useless time.Time
	// ended is when the last tick ended.
	ended   time.Time
	counted bool
}

// How long a copy may stay wrong. The tick that finds it may be busy with the token
// itself, and the next one publishes. A candidate whose answer was lost stays there
// until its leeway is over; one that was refused, until the next tick has asked
// again. Nothing is written over a living candidate, or what was written over it,
// before it is judged. That, like an access token, may wait for the protocol's
// longest pause between two attempts.
const (
	ticksToPublish = 3
	timeToPublish  = 15 * time.Minute
	longestPause   = 80 * time.Minute
)

// after judges the copies at the end of a tick.
func (d *copyWatch) after(o *oracle, a *actor) {
	w := o.w
	rested := w.now.Sub(d.ended) > timeToPublish // nobody could put anything right
	d.ended = w.now
	if rested || a.trouble != 0 || len(w.others) > 0 || d.counted || o.chain.valid == 0 || !o.live(o.chain.token) {
		d.refresh, d.access = 0, 0
		return
	}
	if d.refreshLeft(o, a) {
		d.counted = true
		o.count(&o.CopiesLeft, "REFRESH_TOKEN is left other than the ledger")
	}
	if d.accessLeft(o) {
		d.counted = true
		o.count(&o.CopiesLeft, "ACCESS_TOKEN is left useless")
	}
}

// refreshLeft reports whether REFRESH_TOKEN stayed other than the ledger for too long.
func (d *copyWatch) refreshLeft(o *oracle, a *actor) bool {
	now, s := o.w.now, &o.w.slots[slotRefresh]
	others := s.by != nil && s.by.role != ticks && (!s.entry.Modified.Before(a.begun) || s.entry.Modified.After(d.since))
	if s.entry.Value == o.chain.token || now.Before(o.restrained) || s.obstructed(now) || others {
		d.refresh, d.since = 0, now
		return false
	}
	if d.refresh++; d.refresh == 1 {
		d.since = now
	}
	limit := timeToPublish
	for _, in := range o.inbox {
		if o.chain.of.less(in.of) && o.live(in.token) {
			limit = longestPause
		}
	}
	return d.refresh >= ticksToPublish && now.Sub(d.since) > limit
}

// accessLeft reports whether ACCESS_TOKEN stayed useless for too long.
func (d *copyWatch) accessLeft(o *oracle) bool {
	now, s := o.w.now, &o.w.slots[slotAccess]
	switch {
	case o.worksNow(s.entry.Value), s.obstructed(now), o.w.refusals():
		d.access = 0
		return false
	}
	if d.access++; d.access == 1 {
		d.useless = now
	}
	return d.access >= ticksToPublish && now.Sub(d.useless) > longestPause
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
	return atlassian.NewSecret(token)
}

// worksNow reports whether a value of ACCESS_TOKEN is a living access token.
func (t *tokens) worksNow(value atlassian.Secret) bool {
	info, ok := t.em.Lookup(accessIn(value))
	return ok && info.Kind == "access" && (info.Status == atlassiantest.StatusLive || info.Status == atlassiantest.StatusReusable)
}
