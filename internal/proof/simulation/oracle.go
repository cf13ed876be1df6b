package simulation

import (
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// oracle judges a run by the emulator's truth and by its own log. It shares no
// code with the keeper.
type oracle struct {
	w *world
	tally
	holdings
	glimpses
	grants
	spendLog
	rivals rivals
	// copies is what a keeper should have put right.
	copies copyWatch
	judged map[string]bool

	// ageDeleted: a person deleted, or wrote over, the only record of the family's age.
	// familyBefore is what TOKEN_FAMILY held last.
	ageDeleted   bool
	familyBefore atlassian.Secret
	madeYounger  string
	// overruled is the newest stored token, still alive when somebody presented an
	// older one of its family.
	overruled *rank
	// forgotten: a token that nothing knew any more was presented, and killed.
	// traceless are consents of which a person deleted every trace, and undated those of
	// which a person deleted every token, with the time at which it was stored.
	forgotten          bool
	traceless, undated map[int]bool
	// covers are consents that psoxy wrote a token of after a newer one was stored.
	covers map[int]bool
	// likePsoxy are consents that a person stored as psoxy stores a rotation: the
	// access token in its form first, and then the refresh token.
	likePsoxy map[int]bool
	// ledgered are consents of which the ledger has held a token.
	ledgered map[int]bool
	// restrained is until when Atlassian asked not to be called (Retry-After).
	restrained time.Time
}

func newOracle(w *world) oracle {
	return oracle{w: w, tally: tally{tracer: &w.tracer}, holdings: holdings{tokens: tokens{em: w.em}},
		rivals:    rivals{chain: &w.oracle.chain, lock: &w.slots[slotLock]},
		glimpses:  glimpses{read: map[rank]*actor{}, missed: map[rank]*actor{}},
		traceless: map[int]bool{}, undated: map[int]bool{}, covers: map[int]bool{}, likePsoxy: map[int]bool{}, ledgered: map[int]bool{}, judged: map[string]bool{}}
}

// wrote notes a write of a parameter.
func (o *oracle) wrote(by *actor, i slotIndex, version int64, value atlassian.Secret) {
	switch i {
	case slotLedger:
		o.ledgerWritten(by, version, value)
	case slotFamily:
		o.familyWritten(by, value)
	case slotRefresh:
		o.inboxWritten(by, value)
	}
}

// familyWritten notes a write, or the deletion, of TOKEN_FAMILY. Where a person does it, a
// token that the ledger could not take may lose the only record of its age.
func (o *oracle) familyWritten(by *actor, value atlassian.Secret) {
	if named, _ := o.best(o.highest.consent); by.role == byHand && names(o.familyBefore, named.token) && !names(value, named.token) && o.chain.of != named.of {
		o.ageDeleted = true
	}
	o.familyBefore = value
}

// names reports whether a value of TOKEN_FAMILY names a token.
func names(family, token atlassian.Secret) bool {
	return !token.IsZero() && strings.Contains(family.Reveal(), `"refresh_token":"`+fingerprint(token)+`"`)
}

// inboxWritten notes a write of REFRESH_TOKEN. White space around a token is no part of it.
func (o *oracle) inboxWritten(by *actor, value atlassian.Secret) {
	value = atlassian.NewSecret(strings.TrimSpace(value.Reveal()))
	r, ok := o.known(value)
	if !ok {
		return
	}
	o.name("stored", r)
	o.inbox = push(o.inbox, placed{r, value, by})
	if o.stood(r); by.role == ticks || by.role == consents {
		o.looked(by)
	}
	if access := &o.w.slots[slotAccess]; by.role == byHand && access.by == by && o.w.now.Sub(access.entry.Modified) < 30*time.Second &&
		strings.HasPrefix(access.entry.Value.Reveal(), "{") {
		o.likePsoxy[r.consent] = true
	}
	if by.role == consumes && r.consent < o.newest() {
		o.covers[r.consent] = true
	}
	o.stored(r)
}

// deleted notes the deletion of a parameter, and what was lost with it.
func (o *oracle) deleted(by *actor, i slotIndex) {
	before, had := o.best(o.newest())
	switch i {
	case slotLedger:
		o.forget(&o.chain)
		o.chain = chain{}
		o.oust(o.w.now)
	case slotRefresh:
		o.inbox = o.inbox[:0]
		o.gone(0)
	case slotFamily:
		o.familyWritten(by, atlassian.Secret{})
	}
	if _, has := o.best(o.newest()); o.chain.token.IsZero() && o.w.slots[slotFamily].entry.Version == 0 { // a consent may have announced itself in a ledger without a token
		o.ageDeleted = true
		o.traceless[o.newest()] = !has
	}
	if had {
		missing(o, before, by.role == byHand, nil)
	}
}

// destroyed notes that psoxy has destroyed all versions of REFRESH_TOKEN but the newest.
func destroyed(o *oracle) {
	before, had := o.best(o.newest())
	o.inbox = o.inbox[max(0, len(o.inbox)-1):]
	o.gone(1)
	if had {
		missing(o, before, true, o.read[before.of])
	}
}

// missing notes what is gone with the newest consent's newest token. erased: no keeper
// did that. heir has read it before.
func missing(o *oracle, before placed, erased bool, heir *actor) {
	after, has := o.best(before.of.consent)
	if !has && !o.w.settings.Claims && !names(o.w.slots[slotFamily].entry.Value, before.token) {
		o.undated[before.of.consent] = true
	}
	if erased && (!has || after.of.less(before.of)) {
		o.erased, o.heir = &before.of, heir
	}
}

// stored notes that a token is in the ledger or in REFRESH_TOKEN.
func (o *oracle) stored(r rank) {
	if len(o.appeared) > 0 && !slices.Contains(o.appeared, r.consent) {
		o.judge(false)
	}
	o.take(r, o.w.now)
	o.saved(r)
}

// presents judges a token request as it is sent.
func (o *oracle) presents(by *actor, token atlassian.Secret) {
	r, ok := o.known(token)
	if ok {
		o.name("presented", r)
		if top, has := o.best(r.consent); has && r.less(top.of) && o.live(top.token) {
			o.overruled = &top.of
		}
	}
	if by.role != ticks {
		return
	}
	o.announced(by, token)
	if ok && !o.unknown(r, o.w.settings) && slices.ContainsFunc(o.receipts, func(got received) bool { return got.elder(r) && got.going() }) {
		o.count(&o.SiblingPresented, "a sibling is presented")
	}
}

// deletedUnderSpend is the one excuse for a spend without a valid intent.
const deletedUnderSpend = "the ledger was deleted under a spend, and the intent has the number that the new one expects"

// announced judges whether a spend has an intent. Version numbers begin again when
// a person deletes the ledger (AWS: DeleteParameter takes every version with it), so
// that a put of the same invocation can return the number that its writer expects.
func (o *oracle) announced(by *actor, token atlassian.Secret) {
	switch {
	case o.cover(by, fingerprint(token), o.w.now):
	case !o.ledgerDeleted.IsZero() && !o.ledgerDeleted.Before(by.begun):
		o.excuse(deletedUnderSpend)
	default:
		o.count(&o.UnlockedSpends, "a spend without a valid intent of its own")
	}
}

// answered notes what a token request did at the server.
func (o *oracle) answered(by *actor, token atlassian.Secret, got atlassiantest.Tokens, err error) {
	info, known := o.em.Lookup(token)
	if !known || info.Kind != "refresh" {
		return
	}
	r := o.rankOf(info)
	if info.Status == atlassiantest.StatusReusable {
		o.spent(by, token, r, got, err)
		return
	}
	if by.role != ticks || info.Status != atlassiantest.StatusRevoked {
		return
	}
	f, _ := o.em.Family(info.FamilyID)
	if f.Death != nil && f.Death.At.Equal(o.w.now) && f.Death.Presenter == by.name {
		if held := (killing{o, r, token, by}).holder(); held != "" {
			o.count(&o.KilledByUs, "a family is killed that "+held+" held")
		}
	}
}
