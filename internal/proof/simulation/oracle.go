package simulation

import (
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// oracle judges a run by the emulator's truth and by its own log. It shares no
// code with the keeper.
type oracle struct {
	w *world
	Counters
	rotations int
	losses    map[string]int
	judged    map[string]bool

	// ids are all families in the order in which they were given, appeared their
	// consents in the order in which one of their tokens was first stored; the last
	// one is the newest consent.
	ids      []string
	appeared []int
	// highest is the newest consent's newest token that was ever stored, and
	// rotated when that was last stored.
	highest rank
	rotated time.Time

	chain chain
	// grant is the intent in force, ousted the one that was when a person deleted
	// the ledger.
	grant, ousted grant
	ledgerDeleted time.Time
	// inbox are the tokens in REFRESH_TOKEN's history.
	inbox []placed
	// erased is the newest token where a person deleted its only place.
	erased *rank
	// ageDeleted: a person deleted, or wrote over, what told of the family's age;
	// familyBefore is what TOKEN_FAMILY held last.
	ageDeleted   bool
	familyBefore atlassian.Secret
	madeYounger  string
	// overruled is the newest stored token, still alive when somebody presented an
	// older one of its family.
	overruled *rank
	// forgotten: a token that nothing knew any more was presented, and killed.
	forgotten bool

	spends   []presentation
	receipts []received
	// covers are consents of which psoxy wrote a token after a newer one was stored.
	covers map[int]bool
	// likePsoxy are consents that a person stored as psoxy stores a rotation: the
	// access token in its form first, and then the refresh token.
	likePsoxy map[int]bool
	// restrained is until when Atlassian asked not to be called (Retry-After).
	restrained time.Time
	// overdue is what a keeper should have put right, since when.
	overdue overdue
}

func (o *oracle) note(what string) {
	if o.w.trace != nil {
		o.w.trace("  ORACLE: " + what)
	}
}

// name prints which token is meant: the number of its consent, generation and sibling.
func (o *oracle) name(what string, r rank) {
	if o.w.trace != nil {
		o.w.trace(fmt.Sprintf("  token %d.%d.%d %s", r.consent, r.generation, r.sibling, what))
	}
}

func (o *oracle) count(counter *int, what string) {
	*counter++
	o.note(what)
}

// wrote notes a write of a parameter.
func (o *oracle) wrote(by *actor, i slotIndex, version int64, value atlassian.Secret) {
	switch i {
	case slotLedger:
		o.ledgerWritten(by, version, value)
	case slotFamily:
		if named, _ := o.best(o.highest.consent); by.role == byHand && o.names(o.familyBefore, named.token) && !o.names(value, named.token) && o.chain.of != named.of {
			o.ageDeleted = true // a token that the ledger could not take was known by that alone
		}
		o.familyBefore = value
	case slotRefresh:
		if r, ok := o.known(value); ok {
			o.name("stored", r)
			o.inbox = push(o.inbox, placed{r, value, by})
			if access := &o.w.slots[slotAccess]; by.role == byHand && access.by == by && o.w.now.Sub(access.entry.Modified) < 30*time.Second &&
				strings.HasPrefix(access.entry.Value.Reveal(), "{") {
				if o.likePsoxy == nil {
					o.likePsoxy = map[int]bool{}
				}
				o.likePsoxy[r.consent] = true
			}
			if n := len(o.appeared); by.role == consumes && n > 0 && r.consent < o.appeared[n-1] {
				if o.covers == nil {
					o.covers = map[int]bool{}
				}
				o.covers[r.consent] = true
			}
			o.stored(placed{r, value, by})
		}
	}
}

// names reports whether a value of TOKEN_FAMILY is about a token.
func (o *oracle) names(family, token atlassian.Secret) bool {
	return !token.IsZero() && strings.Contains(family.Reveal(), `"refresh_token":"`+fingerprint(token)+`"`)
}

// deleted notes the deletion of a parameter, and what was lost with it.
func (o *oracle) deleted(by *actor, i slotIndex) {
	newest := -1
	if len(o.appeared) > 0 {
		newest = o.appeared[len(o.appeared)-1]
	}
	before, had := o.best(newest)
	switch i {
	case slotLedger:
		for n := range o.spends {
			if p := &o.spends[n]; o.chain.known && (p.of == o.chain.of || p.intent != "" && p.intent == o.chain.intent) && !p.chance {
				p.erased = true
			}
		}
		o.chain = chain{}
		o.ousted, o.ledgerDeleted = o.grant, o.w.now
	case slotRefresh:
		o.inbox = o.inbox[:0]
	}
	if o.chain.valid == 0 && o.w.slots[slotFamily].entry.Version == 0 {
		o.ageDeleted = true
	}
	after, has := o.best(newest)
	if by.role == byHand && had && (!has || after.of.less(before.of)) {
		erased := before.of
		o.erased = &erased
	}
}

// stored notes that a token is in the ledger or in REFRESH_TOKEN.
func (o *oracle) stored(p placed) {
	newest := len(o.appeared) == 0
	if !newest && o.appeared[len(o.appeared)-1] != p.of.consent {
		newest = true
		for _, c := range o.appeared {
			newest = newest && c != p.of.consent
		}
		if newest {
			o.judge(false)
		}
	}
	if newest {
		o.appeared = append(o.appeared, p.of.consent)
		o.highest, o.erased = p.of, nil
		o.rotated = o.w.now
	}
	if p.of.consent == o.highest.consent && o.highest.less(p.of) {
		o.highest, o.erased = p.of, nil
		o.rotated = o.w.now
	}
	for i := range o.receipts {
		if o.receipts[i].of == p.of {
			o.receipts[i].stored = true
		}
	}
}

// apart is how long after one another two consents must be given for a keeper to
// tell which is the newer: so far may healthy clocks disagree.
const apart = 2 * time.Minute

// older reports whether a token is older than another for certain: of two
// families, both by when the consents were given and by when they were stored.
func (o *oracle) older(a, b rank) bool {
	if a.consent == b.consent || !a.less(b) {
		return a.less(b)
	}
	f, _ := o.w.em.Family(o.ids[a.consent])
	g, _ := o.w.em.Family(o.ids[b.consent])
	if g.Born.Sub(f.Born) < apart {
		return false
	}
	for _, c := range o.appeared {
		switch c {
		case a.consent:
			return true
		case b.consent:
			return false
		}
	}
	return false
}

// presents judges a token request as it is sent.
func (o *oracle) presents(by *actor, token atlassian.Secret) {
	r, ok := o.known(token)
	if ok {
		o.name("presented", r)
	}
	if top, has := o.best(r.consent); ok && has && r.less(top.of) && o.live(top.token) {
		o.overruled = &top.of
	}
	if by.role != ticks {
		return
	}
	o.announced(by, token)
	if !ok {
		return
	}
	for _, got := range o.receipts {
		if got.of.consent == r.consent && got.of.generation == r.generation && got.of.sibling > r.sibling &&
			(got.stored || got.by.role == ticks && o.goesOn(got.by)) && got.by.role != consumes {
			o.count(&o.SiblingPresented, "a sibling is presented")
			return
		}
	}
}

// deletedUnderSpend is the one excuse for a spend without a valid intent.
const deletedUnderSpend = "the ledger was deleted under a spend, and the intent has the number that the new one expects"

// announced judges whether a spend has an intent. Version numbers begin again when
// a person deletes the ledger (AWS: DeleteParameter takes every version with it), so
// that a put of the same invocation can return the number that its writer expects.
func (o *oracle) announced(by *actor, token atlassian.Secret) {
	fp := fingerprint(token)
	switch {
	case o.grant.covers(by, fp, o.w.now), o.ousted.covers(by, fp, o.w.now):
	case !o.ledgerDeleted.IsZero() && !o.ledgerDeleted.Before(by.begun):
		o.excuse(deletedUnderSpend)
	default:
		o.count(&o.UnlockedSpends, "a spend without a valid intent of its own")
	}
}

// answered notes what a token request did at the server.
func (o *oracle) answered(by *actor, token atlassian.Secret, got atlassiantest.Tokens, err error) {
	info, known := o.w.em.Lookup(token)
	if !known || info.Kind != "refresh" {
		return
	}
	r := o.rankOf(info)
	if info.Status == atlassiantest.StatusReusable {
		o.spent(by, r, got, err)
		return
	}
	if by.role != ticks || info.Status != atlassiantest.StatusRevoked {
		return
	}
	f, _ := o.w.em.Family(info.FamilyID)
	if f.Death != nil && f.Death.At.Equal(o.w.now) && f.Death.Presenter == by.name {
		if held := o.heldBefore(r, token, by); held != "" {
			o.count(&o.KilledByUs, "a family is killed that "+held+" held")
		}
	}
}

// heldBefore tells who could have gone on with a family whose token was just
// presented fatally: somebody who has a newer one, and will act.
func (o *oracle) heldBefore(presented rank, token atlassian.Secret, killer *actor) string {
	if presented.consent != o.highest.consent && !(o.chain.known && presented.consent == o.chain.of.consent) {
		return "" // a newer consent has taken its place
	}
	if top, ok := o.best(presented.consent); ok && presented.less(top.of) && !o.late(top) {
		if o.unknowable(presented, token) {
			o.forgotten = true
			return ""
		}
		return "the store"
	}
	for _, got := range o.receipts {
		if got.of.consent != presented.consent || !presented.less(got.of) || got.by.role != ticks || !o.goesOn(got.by) ||
			got.stored && o.erased != nil { // it had saved it, and a person deleted that
			continue
		}
		if mine, ok := o.known(got.by.received); ok && mine == got.of && (got.by == killer || o.atWork(got.by)) {
			return got.by.name
		}
	}
	return ""
}

// late reports whether a token was spent, and its leeway is over: nobody can go on
// with it.
func (o *oracle) late(p placed) bool {
	s := o.spend(p.of)
	return s != nil && o.w.now.Sub(s.at) > reuseInterval
}

// memory is how many generations a ledger remembers at least.
const memory = 190

// unknowable reports whether nothing tells that a token is an older one: it has
// no claims, and neither the ledger nor the history of REFRESH_TOKEN knows it.
func (o *oracle) unknowable(r rank, token atlassian.Secret) bool {
	if o.w.settings.Claims || o.highest.generation-r.generation <= memory && !o.ageDeleted {
		return false
	}
	seen := 0
	for _, e := range o.w.history(slotRefresh) {
		if e.Value == token {
			seen++
		}
	}
	return seen <= 1
}

// goesOn reports whether a process will act again. One that the platform passed
// over for another, with all that it holds, may be kept for hours and never
// called again: nobody can count on it.
func (o *oracle) goesOn(a *actor) bool { return !a.dead && (a.busy || a == o.w.proc) }

// atWork reports whether a process wrote the ledger's last valid entry, an
// intent, within a lease: what one holds that has not, nobody can know.
func (o *oracle) atWork(a *actor) bool {
	return o.chain.valid != 0 && o.chain.by == a && o.chain.owned && o.w.now.Sub(o.chain.at) < lease
}

// sawLock remembers a lock of psoxy's that a tick has read.
func (a *actor) sawLock(w *world, e store.Entry) {
	if by := w.slots[slotLock].by; e.Version != 0 && by != nil && by.role == consumes {
		a.lock = e
	}
}
