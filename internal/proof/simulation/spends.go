package simulation

import (
	"errors"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Atlassian's reuse interval, and the part of it in which a tick must begin to
// be of use: half a minute at its end is kept free, and a tick tries for a minute.
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
	// struck is when it was spent.
	struck time.Time
	// stored is when the token was stored, if it is the newest consent's newest.
	stored time.Time
	// received are those who got a successor.
	received []*actor
	// again: psoxy presented it after somebody had a successor.
	again bool
	// lock is when psoxy's lock was written under which it was spent. told: a tick
	// has found that lock.
	lock time.Time
	told bool
	// intent is the fingerprint of what was announced, if it was. erased: a person
	// deleted the ledger, the only record of the spend. refused: the server said that it
	// did not take the token, so that its tick had nothing to repeat.
	intent          string
	erased, refused bool
	// ticks are how many later ticks could have helped without trouble, and why is
	// the trouble they had. chance: one of them, or the one that spent, had none.
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

// elder reports whether a token is an elder sibling of the one that was received.
func (got received) elder(r rank) bool {
	return got.of.consent == r.consent && got.of.generation == r.generation && got.of.sibling > r.sibling
}

// going reports whether somebody goes on with what was received.
func (got received) going() bool {
	return got.by.role != consumes && (got.stored || got.by.role == ticks && got.by.goesOn())
}

// spendLog are the tokens that were spent, and the successors that were received.
type spendLog struct {
	spends   []presentation
	receipts []received
	// rotations are the successors that keepers received.
	rotations int
}

func (l *spendLog) spend(r rank) *presentation {
	for i := range l.spends {
		if l.spends[i].of == r {
			return &l.spends[i]
		}
	}
	return nil
}

// begin returns a token's spend, or notes a new one.
func (l *spendLog) begin(p presentation) *presentation {
	if old := l.spend(p.of); old != nil {
		return old
	}
	l.spends = push(l.spends, p)
	return &l.spends[len(l.spends)-1]
}

// saved notes that a received token is stored.
func (l *spendLog) saved(r rank) {
	for i := range l.receipts {
		if l.receipts[i].of == r {
			l.receipts[i].stored = true
		}
	}
}

// forget notes that a person deleted the ledger, and its record of spends.
func (l *spendLog) forget(c *chain) {
	for n := range l.spends {
		if p := &l.spends[n]; c.known && (p.of == c.of || p.intent != "" && p.intent == c.intent) && !p.chance {
			p.erased = true
		}
	}
}

// late reports whether a token was spent, and its leeway is over: nobody can go on
// with it.
func (l *spendLog) late(r rank, now time.Time) bool {
	s := l.spend(r)
	return s != nil && now.Sub(s.at) > reuseInterval
}

// spent notes a token that was presented and accepted, or that was spent before
// and may be presented again.
func (o *oracle) spent(by *actor, token atlassian.Secret, r rank, got atlassiantest.Tokens, err error) {
	q := presentation{of: r, at: o.w.now, struck: o.w.now, by: by}
	switch {
	case by.role != ticks:
	case o.chain.by == by && o.chain.intent != "":
		q.at, q.intent = o.chain.since, o.chain.intent
	case o.ousted.covers(by, fingerprint(token), o.w.now):
		q.at, q.erased = o.ousted.at, true // before it arrived
	}
	if r == o.highest {
		q.stored = o.rotated
	}
	if l := &o.w.slots[slotLock]; by.role == consumes && l.entry.Version != 0 {
		q.lock = l.entry.Modified
	}
	var injected *atlassiantest.InjectedError
	q.refused = errors.As(err, &injected) && injected.Fault.Status != 0
	p := o.begin(q)
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

// sees notes whether a tick has found psoxy's lock under which the token was spent.
func (p *presentation) sees(a *actor, lock *store.Entry) {
	p.told = p.told || !p.lock.IsZero() && (lock.Version != 0 && lock.Modified.Equal(p.lock) || a.lock.Modified.Equal(p.lock))
}

// ticked notes whether a tick that ended could have saved the family. Three can: the
// one that spent the token; one that began inside the reuse interval and could
// present it again; and one of a process that could save a living successor that it
// received.
// A token that psoxy spent is known by psoxy's lock alone.
func (p *presentation) ticked(a *actor, trouble trouble) {
	after := a.begun.Sub(p.at)
	own := a == p.by && after <= 0
	if own && p.refused {
		return
	}
	if !own && !(after > 0 && after < usable) && !(a.holds && slices.Contains(p.received, a)) || p.erased {
		return
	}
	if p.by.role == consumes && !p.told {
		return
	}
	if !own {
		p.ticks++
		why := trouble
		if outside := why & worldly; outside != 0 {
			why = outside // which alone would have been enough
		}
		p.why |= why
	}
	p.chance = p.chance || trouble == 0
}
