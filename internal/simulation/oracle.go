package simulation

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Counters are what must be 0; the package documentation defines each.
type Counters struct {
	AvoidableLosses  int `json:"avoidable_losses"`
	KilledByUs       int `json:"killed_by_us"`
	OlderOverNewer   int `json:"older_over_newer"`
	SiblingPresented int `json:"sibling_presented"`
	UnlockedSpends   int `json:"unlocked_spends"`
	SecretsLeaked    int `json:"secrets_leaked"`
}

// Add adds d's counters to c's.
func (c *Counters) Add(d Counters) {
	c.AvoidableLosses += d.AvoidableLosses
	c.KilledByUs += d.KilledByUs
	c.OlderOverNewer += d.OlderOverNewer
	c.SiblingPresented += d.SiblingPresented
	c.UnlockedSpends += d.UnlockedSpends
	c.SecretsLeaked += d.SecretsLeaked
}

// Broken names the counters that are not 0.
func (c Counters) Broken() []string {
	var names []string
	for _, counter := range []struct {
		name string
		n    int
	}{
		{"avoidable_losses", c.AvoidableLosses}, {"killed_by_us", c.KilledByUs}, {"older_over_newer", c.OlderOverNewer},
		{"sibling_presented", c.SiblingPresented}, {"unlocked_spends", c.UnlockedSpends}, {"secrets_leaked", c.SecretsLeaked},
	} {
		if counter.n != 0 {
			names = append(names, counter.name)
		}
	}
	return names
}

// rank orders refresh tokens: by consent, then generation, then sibling.
type rank struct{ consent, generation, sibling int }

func (r rank) less(s rank) bool {
	switch {
	case r.consent != s.consent:
		return r.consent < s.consent
	case r.generation != s.generation:
		return r.generation < s.generation
	}
	return r.sibling < s.sibling
}

// presentation is one token that was spent, and what became of it.
type presentation struct {
	of rank
	// at is the time from which the reuse interval must be counted: when the
	// first to spend it took the lock for that, which is all that others can know.
	at time.Time
	by *actor
	// blind: who spent it could know that the successor cannot be saved.
	blind bool
	// received are those who got a successor.
	received []*actor
	// ticks are how many ticks could have helped had nothing troubled them,
	// why is what did, and chance that nothing troubled one.
	ticks int
	// rival is a second keeper that presented it after the first had a successor,
	// and rivalLost that it got no answer.
	rival     *actor
	rivalLost bool
	// psoxy: psoxy presented it after somebody had a successor.
	psoxy bool
	// skewed: the clock of who spent it was wrong, and with it what was written
	// down of the time.
	skewed bool
	// erased: psoxy deleted the lock that told of the spend.
	erased bool
	why    trouble
	chance bool
}

// written is a write of REFRESH_TOKEN.
type written struct {
	of rank
	by *actor
}

// untold writes over a token that a person filled in by hand in the second in
// which another consent is saved: nothing tells it from one of a rotation that
// was under way.
var untold = &actor{name: "one of two consents given at the same moment"}

// unnamed is a keeper that could not make the lock name what it was about to
// save: the store did not take it, or its clock was wrong, so that it could not
// tell that the lock was still its own.
var unnamed = &actor{name: "a keeper that an outage or a wrong clock kept from naming its token"}

// received is a pair that somebody got.
type received struct {
	of     rank
	by     *actor
	stored bool
}

// oracle judges a run by the emulator's truth and by its own log. It shares no
// code with the keeper.
type oracle struct {
	w *world
	Counters
	rotations int
	// rotated is when REFRESH_TOKEN was last written.
	rotated time.Time
	losses  map[string]int
	judged  map[string]bool

	// family is the newest consent that was stored, ids are all in the order in
	// which they were given.
	family string
	ids    []string

	spends   []presentation
	receipts []received

	// highest is the newest token that REFRESH_TOKEN ever held, and coverer who
	// put an older one over it.
	highest rank
	coverer *actor
	// left is how many ticks without trouble have left it there.
	left int
	// strangers are what psoxy and people wrote.
	strangers []written
	locks     []lockChange
	// holder has the lock; ousted had it when a create that was not exclusive
	// replaced it.
	holder, ousted holder
}

// remembered is how many entries of each log are kept. A judgement is about the
// newest tokens only, and what ticks did about them is added up as they end.
const remembered = 64

func push[T any](log []T, e T) []T {
	if len(log) == remembered {
		log = log[1:]
	}
	return append(log, e)
}

func (o *oracle) rankOf(info atlassiantest.TokenInfo) rank {
	i := slices.Index(o.ids, info.FamilyID)
	if i < 0 {
		o.ids = o.ids[:0]
		for _, f := range o.w.em.Families() {
			o.ids = append(o.ids, f.ID)
		}
		i = slices.Index(o.ids, info.FamilyID)
	}
	return rank{i, info.Generation, info.Sibling}
}

// consented notes that a new consent is stored.
func (o *oracle) consented(familyID string) {
	if o.family != "" {
		o.judge(false)
	}
	o.family = familyID
}

// stored notes a write of REFRESH_TOKEN.
func (o *oracle) stored(by *actor, token atlassian.Secret) {
	if token.IsZero() {
		return
	}
	info, known := o.w.em.Lookup(token)
	if !known {
		return
	}
	o.rotated = o.w.now
	r := o.rankOf(info)
	if r.consent > o.highest.consent || o.family == "" {
		o.consented(info.FamilyID)
	}
	for i := range o.receipts {
		if o.receipts[i].of == r {
			o.receipts[i].stored = true
		}
	}
	if by.refresher == nil {
		o.strangers = push(o.strangers, written{r, by})
	}
	for _, s := range o.strangers {
		if s.of == r {
			by = s.by // who puts back what a person wrote is not the one who wrote it
		}
	}
	switch {
	case by.consents:
		by = untold
	case by.refresher != nil && by.trouble&(clockWrong|storeDown|keyDown) != 0:
		by = unnamed
	}
	if r.less(o.highest) {
		// Who goes on with an older token that somebody else put there covers nothing.
		if o.coverer == nil || by.refresher == nil {
			o.coverer = by
		}
		return
	}
	o.highest, o.coverer = r, nil
}

// presents judges a token request as it is sent.
func (o *oracle) presents(by *actor, token atlassian.Secret) {
	if by.refresher == nil {
		return
	}
	if !o.locked(by, token) {
		o.UnlockedSpends++
		o.note("an unlocked spend")
	}
	info, known := o.w.em.Lookup(token)
	if !known {
		return
	}
	r := o.rankOf(info)
	for _, got := range o.receipts {
		if got.of.consent == r.consent && got.of.generation == r.generation && got.of.sibling > r.sibling && (got.stored || got.by.refresher != nil && o.goesOn(got.by)) {
			o.SiblingPresented++
			o.note("a sibling is presented")
			return
		}
	}
}

// answered notes what a token request did at the server.
func (o *oracle) answered(by *actor, token atlassian.Secret, got atlassiantest.Tokens, err error, reached bool) {
	if !reached {
		return
	}
	now := o.w.now
	info, known := o.w.em.Lookup(token)
	if !known {
		return
	}
	r := o.rankOf(info)
	if info.Status == atlassiantest.StatusReusable {
		p := o.spend(r)
		if p == nil {
			at := now
			if o.holder.by == by {
				at = o.holder.since
			}
			o.spends = push(o.spends, presentation{of: r, at: at, by: by, blind: o.blind(by), skewed: o.w.down&clockWrong != 0})
			p = &o.spends[len(o.spends)-1]
		}
		p.psoxy = p.psoxy || by.refresher == nil && len(p.received) > 0
		if by.refresher != nil && len(p.received) > 0 && !slices.Contains(p.received, by) {
			p.rival, p.rivalLost = by, p.rivalLost || err != nil
		}
		if err == nil && !got.Refresh.IsZero() {
			if by.refresher != nil {
				o.rotations++
			}
			p.received = append(p.received, by)
			if succ, ok := o.w.em.Lookup(got.Refresh); ok {
				o.receipts = push(o.receipts, received{of: o.rankOf(succ), by: by})
			}
		}
		return
	}
	if by.refresher == nil || info.Status != atlassiantest.StatusRevoked {
		return
	}
	f, _ := o.w.em.Family(info.FamilyID)
	if f.Death != nil && f.Death.At.Equal(now) && f.Death.Presenter == by.name {
		if held := o.heldBefore(r, by); held != "" {
			o.KilledByUs++
			o.note("a family is killed that " + held + " held")
		}
	}
}

// heldBefore tells who could have gone on with a family whose token was just
// presented fatally: somebody who has a newer one, and will act.
func (o *oracle) heldBefore(presented rank, killer *actor) string {
	if top, ok := o.w.em.Lookup(o.w.slots[slotRefresh].entry.Value); ok && presented.less(o.rankOf(top)) && o.rankOf(top).consent == presented.consent {
		return "the store"
	}
	for _, got := range o.receipts {
		if got.of.consent == presented.consent && presented.less(got.of) && o.goesOn(got.by) && (got.by == killer || o.atWork(got.by)) {
			if mine, ok := o.w.em.Lookup(got.by.received); got.by.refresher == nil || ok && o.rankOf(mine) == got.of {
				return got.by.name
			}
		}
	}
	return ""
}

// goesOn reports whether a process will act again. One that the platform passed
// over for another, with all that it holds, may be kept for hours and never
// called again: nobody can count on it.
func (o *oracle) goesOn(a *actor) bool { return !a.dead && (a.busy || a == o.w.proc) }

func (o *oracle) spend(r rank) *presentation {
	for i := range o.spends {
		if o.spends[i].of == r {
			return &o.spends[i]
		}
	}
	return nil
}

// ticked notes the end of a keeper's tick.
func (o *oracle) ticked(a *actor) {
	if a.stalled > 20*time.Second {
		a.trouble |= paused
	}
	if o.rivalled(a) {
		a.trouble |= lockHeld
	}
	if f, ok := o.w.em.Family(o.family); !ok || f.Death == nil || f.Death.At.After(a.begun) {
		for i := range o.spends {
			o.spends[i].ticked(a)
		}
	}
	switch {
	case o.coverer == nil || o.coverer.refresher == nil:
		o.left = 0
	case a.trouble == 0:
		if o.left++; o.left == 2 {
			o.OlderOverNewer++
			o.note("an older token is left over a newer one")
		}
	}
}

// ticked notes whether a tick that ended could have saved the family: one that
// began inside the reuse interval could have presented the token again, and one
// of a process that received a successor could have saved that.
func (p *presentation) ticked(a *actor) {
	after := a.begun.Sub(p.at)
	if after <= 0 || after >= usable && !slices.Contains(p.received, a) {
		return
	}
	p.ticks++
	p.why |= a.trouble
	p.chance = p.chance || a.trouble == 0
}

func (o *oracle) note(what string) {
	if o.w.trace != nil {
		o.w.trace("  ORACLE: " + what)
	}
}
