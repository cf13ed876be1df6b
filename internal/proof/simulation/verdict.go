package simulation

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// asleep is how long after its last rotation a family, in a run that has settled,
// counts as given up: its access token has expired, and nobody gets a new one.
// asleepRefused is the same after good tokens were refused.
const (
	asleep        = 90 * time.Minute
	asleepRefused = 13 * time.Hour
)

// loss is a family that was not kept.
type loss struct {
	o     *oracle
	death *atlassiantest.Death
	// top is the newest token that is still stored; stored is false without one.
	top    placed
	stored bool
	// root is the spend whose successors were lost: of the top token or, where
	// that was ended by a replay, of the one before. nil if no spend did it.
	root *presentation
}

// newestFamily is the truth about the newest consent that was stored.
func (o *oracle) newestFamily() (atlassiantest.FamilyInfo, bool) {
	if len(o.appeared) == 0 {
		return atlassiantest.FamilyInfo{}, false
	}
	return o.family(o.newest()), true
}

// judge decides about the newest consent's family: kept, lost for a reason, or
// lost avoidably. final is false when a newer consent takes its place while the
// run goes on; then only a dead family is judged.
func (o *oracle) judge(final bool) {
	f, ok := o.newestFamily()
	if !ok || o.judged[f.ID] || f.Death == nil && !final {
		return
	}
	l := loss{o: o, death: f.Death}
	l.top, l.stored = o.best(o.highest.consent)
	if f.Death == nil && l.kept() {
		return
	}
	l.root = l.findRoot()
	o.judged[f.ID] = true
	for _, e := range excuses {
		if e.applies(l) {
			o.excuse(e.name)
			return
		}
	}
	o.count(&o.AvoidableLosses, "an avoidable loss")
}

// kept reports whether somebody goes on with a living family: its newest token is
// stored, unspent, and was rotated lately. A keeper that goes on with a family that
// nobody can call older keeps the connection as well.
func (l loss) kept() bool {
	o, limit := l.o, asleep
	if o.w.refusals() {
		limit = asleepRefused
	}
	awake := o.w.now.Sub(o.rotated) <= limit
	if o.chain.known && o.highest.consent != o.chain.of.consent && !o.older(o.chain.of, o.highest) {
		return o.live(o.chain.token)
	}
	return l.stored && awake && o.live(l.top.token)
}

// findRoot finds the spend whose successors were lost.
func (l loss) findRoot() *presentation {
	if !l.stored {
		return nil
	}
	if p := l.o.spend(l.top.of); p != nil {
		return p
	}
	for i := range l.o.spends {
		// The newest token was ended by a replay of the one before, or saved too late.
		p := &l.o.spends[i]
		late := l.death != nil && l.o.rotated.After(l.death.At)
		if p.of.consent == l.top.of.consent && p.of.generation == l.top.of.generation-1 && (p.again || len(p.received) > 1 || late || l.revoked()) {
			return p
		}
	}
	return nil
}

// revoked reports whether the newest stored token ended the family when it was presented
// for the first time: a replay of the one before had revoked it.
func (l loss) revoked() bool {
	d := l.death
	return d != nil && d.Presenter != "" && d.Generation == l.top.of.generation && d.Sibling == l.top.of.sibling
}

// consentEnds judges a process in which a person consented. What it received must be
// in the ledger, unless it was killed or kept from writing, or a newer consent is. Where a
// person deleted the ledger meanwhile (AWS: with every version), REFRESH_TOKEN will do.
func (o *oracle) consentEnds(a *actor) {
	got, ok := o.known(a.received)
	if !ok || a.trouble != 0 || a.strikes > 2 || a.stalled > 20*time.Second {
		return
	}
	deleted := o.chain.valid == 0 || !o.ledgerDeleted.Before(a.begun)
	if _, stored := o.best(got.consent); deleted && (stored || o.erased != nil) || o.chain.known && !o.older(o.chain.highest, got) {
		return
	}
	o.count(&o.AvoidableLosses, "a consent's tokens are dropped")
}
