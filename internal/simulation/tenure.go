package simulation

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// lease is how long a lock counts.
const lease = 2 * time.Minute

// holder is the process that may act under the lock, and what it wrote there.
type holder struct {
	by    *actor
	since time.Time
	value atlassian.Secret
}

// lockChange is a write or the deletion of the lock.
type lockChange struct {
	by *actor
	at time.Time
}

// lockWritten notes a change of the lock; the store holds it already. Where a
// create is not exclusive and replaced another's, both hold it: neither can see
// the other any more, once it has read its own. A keeper that writes over
// another's fresh lock does not become its holder: it learns from the version
// that it came second, and what stands there now speaks of the same token.
func (o *oracle) lockWritten(by *actor) {
	o.locks = push(o.locks, lockChange{by, o.w.now})
	l := o.w.slots[slotLock].entry
	h := &o.holder
	switch {
	case l.Version == 0:
		if by.refresher == nil && h.by != nil && h.by.refresher != nil {
			o.erased(h.by)
		}
		*h = holder{}
	case by.refresher != nil && !strings.Contains(l.Value.Reveal(), `"owner":"`+by.name+`/`):
		// It puts another's lock back, and holds nothing any more.
		if h.by == by {
			*h = holder{}
		}
	case l.Version == 1 && h.by != nil:
		o.ousted, *h = *h, holder{by, o.w.now, l.Value}
	case by.refresher == nil || h.by == nil || h.by.refresher == nil || h.by == by || h.by.dead || o.w.now.Sub(h.since) >= lease:
		*h = holder{by, o.w.now, l.Value}
	}
}

// erased notes that psoxy deleted a stale lock of a keeper, as it does whoever's
// it is, and with it what the store knew of a spend.
func (o *oracle) erased(by *actor) {
	for i := range o.spends {
		o.spends[i].erased = o.spends[i].erased || o.spends[i].by == by
	}
}

// locked reports whether, at this instant, this process holds the lock, younger
// than two minutes, with an intent that names the token. A lock that psoxy or a person
// took away or wrote over is no fault of the keeper's.
func (o *oracle) locked(by *actor, token atlassian.Secret) bool {
	if l := o.w.slots[slotLock]; l.by != nil && l.by.refresher == nil {
		return true
	}
	return o.holder.names(by, token, o.w.now) || o.ousted.names(by, token, o.w.now)
}

func (h holder) names(by *actor, token atlassian.Secret, now time.Time) bool {
	if h.by != by || now.Sub(h.since) >= lease {
		return false
	}
	sum := sha256.Sum256([]byte(token.Reveal()))
	value := h.value.Reveal()
	return strings.Contains(value, `"owner":"`+by.name+`/`) && strings.Contains(value, `"spending":"`+hex.EncodeToString(sum[:6])+`"`)
}

// atWork reports whether a process has written the lock within a lease: what one
// holds that has not, nobody can know while another is given the ticks.
func (o *oracle) atWork(a *actor) bool {
	for _, l := range o.locks {
		if l.by == a && o.w.now.Sub(l.at) < lease {
			return true
		}
	}
	return false
}

// rivalled reports whether somebody else wrote the lock during the tick, or
// another living keeper less than a lease before: the platform runs one at a
// time, and two that meet may both give up.
func (o *oracle) rivalled(a *actor) bool {
	for _, l := range o.locks {
		if l.by != a && (!l.at.Before(a.begun) || l.by.refresher != nil && !l.by.dead && a.begun.Sub(l.at) < lease) {
			return true
		}
	}
	return false
}
