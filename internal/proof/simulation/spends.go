package simulation

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Atlassian's reuse interval, and the part of it in which a tick must begin to
// be of use: a minute at its end is kept free, and a tick needs some seconds.
const (
	reuseInterval = 10 * time.Minute
	usable        = reuseInterval - 90*time.Second
)

// presentation is one token that was spent, and what became of it.
type presentation struct {
	of rank
	// at is the time from which the reuse interval must be counted: when the spend
	// was announced, which is all that others can know.
	at time.Time
	by *actor
	// received are those who got a successor.
	received []*actor
	// again: psoxy presented it after somebody had a successor.
	again bool
	// lock is when psoxy's lock was written under which it was spent, and told that
	// a tick found that lock.
	lock time.Time
	told bool
	// intent is the fingerprint of what was announced, if it was. erased: a person
	// deleted the ledger, which alone told of the spend.
	intent string
	erased bool
	// ticks are how many later ticks could have helped had nothing troubled them,
	// why is what did, and chance that nothing troubled one, or the one that spent.
	ticks  int
	why    trouble
	chance bool
}

// received is a pair that somebody got.
type received struct {
	of     rank
	by     *actor
	stored bool
}

func (o *oracle) spend(r rank) *presentation {
	for i := range o.spends {
		if o.spends[i].of == r {
			return &o.spends[i]
		}
	}
	return nil
}

// spent notes a token that was presented and accepted, or that was spent before
// and may be presented again.
func (o *oracle) spent(by *actor, r rank, got atlassiantest.Tokens, err error) {
	p := o.spend(r)
	if p == nil {
		q := presentation{of: r, at: o.w.now, by: by}
		if by.role == ticks && o.chain.by == by && o.chain.intent != "" {
			q.at, q.intent = o.chain.since, o.chain.intent
		}
		if l := &o.w.slots[slotLock]; by.role == consumes && l.entry.Version != 0 {
			q.lock = l.entry.Modified
		}
		o.spends = push(o.spends, q)
		p = &o.spends[len(o.spends)-1]
	}
	p.again = p.again || by.role == consumes && len(p.received) > 0
	if err != nil || got.Refresh.IsZero() {
		return
	}
	if by.role == ticks {
		o.rotations++
	}
	p.received = append(p.received, by)
	if s, ok := o.known(got.Refresh); ok {
		o.receipts = push(o.receipts, received{of: s, by: by})
	}
}

// tickBegins notes a tick that meets another at work. One that begins late in the
// other's lease can wait for its end: it tries for 77 s, and after the two minutes of
// the lease another round needs 22 s of calm.
func (o *oracle) tickBegins(a *actor) {
	soon := 70*time.Second + o.w.locking()
	c, l := &o.chain, &o.w.slots[slotLock]
	if a.free = a.begun; c.owned && c.by != a && c.at.Add(lease).After(a.free) {
		a.free = c.at.Add(lease)
	}
	if l.entry.Version != 0 && l.by.role == consumes && l.entry.Modified.Add(lockStale).After(a.free) {
		a.free = l.entry.Modified.Add(lockStale)
	}
	if c.owned && c.by != a && o.w.now.Sub(c.at) < soon ||
		l.entry.Version != 0 && l.by.role == consumes && o.w.now.Sub(l.entry.Modified) < soon {
		a.trouble |= contended
	}
}

// locking is how much longer a spend takes where psoxy's lock must be taken.
func (w *world) locking() time.Duration {
	if w.settings.Shared {
		return 5 * time.Second
	}
	return 0
}

// ticked notes the end of a keeper's tick.
func (o *oracle) ticked(a *actor) {
	if a.trouble&worldly != 0 && o.w.leavesCalm(a.free, a.begun.Add(perseverance), calm+o.w.locking()) {
		a.trouble &^= worldly
	}
	if a.stalled > 20*time.Second {
		a.trouble |= paused
	}
	if a.strikes > 2 {
		a.trouble |= struckOften
	}
	if o.rivalled(a) {
		a.trouble |= contended
	}
	newest, ok := o.family()
	if !ok || newest.Death == nil || newest.Death.At.After(a.begun) {
		lock := &o.w.slots[slotLock].entry
		for i := range o.spends {
			p := &o.spends[i]
			p.told = p.told || !p.lock.IsZero() && (lock.Version != 0 && lock.Modified.Equal(p.lock) || a.lock.Modified.Equal(p.lock))
			p.ticked(a)
		}
	}
	o.copiesAfter(a)
}

// rivalled reports whether somebody else was at work during a tick.
func (o *oracle) rivalled(a *actor) bool {
	c, l := &o.chain, &o.w.slots[slotLock]
	return c.valid != 0 && c.by != a && c.by.role != byHand && !c.at.Before(a.begun) ||
		l.by != nil && l.by.role == consumes && (l.entry.Version != 0 && !l.entry.Modified.Before(a.begun) || !l.deletedAt.Before(a.begun))
}

// ticked notes whether a tick that ended could have saved the family: the one
// that spent the token; one that began inside the reuse interval, which could
// have presented it again; and one of a process that received a successor, which
// could have saved that. Of what psoxy spent only its lock tells.
func (p *presentation) ticked(a *actor) {
	after := a.begun.Sub(p.at)
	own := a == p.by && after <= 0
	if !own && !(after > 0 && after < usable) && !slices.Contains(p.received, a) || p.erased {
		return
	}
	if p.by.role == consumes && !p.told {
		return
	}
	if !own {
		p.ticks++
		why := a.trouble
		if outside := why & worldly; outside != 0 {
			why = outside // which alone would have been enough
		}
		p.why |= why
	}
	p.chance = p.chance || a.trouble == 0
}
