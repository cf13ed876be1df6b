package simulation

import "time"

// rivals are those who may be at work beside a tick: another keeper by its intent,
// and psoxy by its lock.
type rivals struct {
	chain *chain
	lock  *slot
}

// meets reports whether a tick that begins meets another's lease or lock that is
// younger than so long.
func (r rivals) meets(a *actor, soon time.Duration) bool {
	return r.chain.owned && r.chain.by != a && a.begun.Sub(r.chain.at) < soon ||
		r.lock.psoxys() && a.begun.Sub(r.lock.entry.Modified) < soon
}

// over is when neither keeps a tick from acting any more.
func (r rivals) over(a *actor) (free time.Time) {
	if free = a.begun; r.chain.owned && r.chain.by != a && r.chain.at.Add(lease).After(free) {
		free = r.chain.at.Add(lease)
	}
	if r.lock.psoxys() && r.lock.entry.Modified.Add(lockStale).After(free) {
		free = r.lock.entry.Modified.Add(lockStale)
	}
	return free
}

// worked reports whether somebody else was at work during a tick.
func (r rivals) worked(a *actor) bool {
	c, l := r.chain, r.lock
	return c.valid != 0 && c.by != a && c.by.role != byHand && !c.at.Before(a.begun) ||
		l.by != nil && l.by.role == consumes && (l.entry.Version != 0 && !l.entry.Modified.Before(a.begun) || !l.deletedAt.Before(a.begun))
}

// tickBegins notes a tick that meets another at work. One that begins late in the
// other's lease can wait for its end: it tries for 77 s, and after the two minutes of
// the lease another round needs 22 s of calm.
func (o *oracle) tickBegins(a *actor) {
	a.free, a.holds = o.rivals.over(a), o.live(a.received)
	if o.rivals.meets(a, 70*time.Second+o.w.settings.locking()) {
		a.trouble |= contended
	}
}

// ticked notes the end of a keeper's tick.
func (o *oracle) ticked(a *actor) {
	met := a.trouble & worldly
	calmSince := func(from time.Time) bool {
		return o.w.leavesCalm(from, a.begun.Add(perseverance), calm+o.w.settings.locking())
	}
	if met != 0 && calmSince(a.free) {
		a.trouble &^= worldly
	}
	if a.stalled > 20*time.Second {
		a.trouble |= paused
	}
	if a.strikes > 2 {
		a.trouble |= struckOften
	}
	if o.rivals.worked(a) {
		a.trouble |= contended
	}
	newest, ok := o.newestFamily()
	if !ok || newest.Death == nil || newest.Death.At.After(a.begun) {
		for i := range o.spends {
			p, trouble := &o.spends[i], a.trouble
			from := p.stored
			if p.by == a && p.struck.After(from) {
				from = p.struck
			}
			if met != 0 && from.After(a.free) && !calmSince(from) {
				trouble |= met // the calm was over when the token came, or was spent
			}
			p.sees(a, &o.w.slots[slotLock].entry)
			p.ticked(a, trouble)
		}
	}
	o.copies.after(o, a)
}
