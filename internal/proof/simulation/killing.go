package simulation

import "github.com/tokenkeeper/tokenkeeper/pkg/atlassian"

// killing is a token request of a keeper that killed a family.
type killing struct {
	o         *oracle
	presented rank
	token     atlassian.Secret
	killer    *actor
}

// holder names who could have gone on with the family, because it has a newer token
// and will act: the store, or a process. It is empty where nobody could, or a newer
// consent has taken the family's place.
func (k killing) holder() string {
	o := k.o
	if k.presented.consent != o.highest.consent && !(o.chain.known && k.presented.consent == o.chain.of.consent) {
		return ""
	}
	if top, ok := o.best(k.presented.consent); ok && k.presented.less(top.of) && !o.late(top.of, o.w.now) {
		if k.unknowable(top.of) {
			o.forgotten = true
			return ""
		}
		return "the store"
	}
	for _, got := range o.receipts {
		if got.of.consent == k.presented.consent && k.presented.less(got.of) && k.holds(got) {
			return got.by.name
		}
	}
	return ""
}

// holds reports whether a keeper that received a token still goes on with it.
func (k killing) holds(got received) bool {
	o, a := k.o, got.by
	if a.role != ticks || !a.goesOn() || got.stored && o.erased != nil { // it had saved it, and a person deleted that
		return false
	}
	mine, ok := o.known(a.received)
	return ok && mine == got.of && (a == k.killer || o.chain.intends(a, o.w.now))
}

// memory is how many generations a ledger remembers at least.
const memory = 190

// unknowable reports whether nothing tells that the token is older than its family's newest:
// it has no claims, the ledger does not know it, and the history of REFRESH_TOKEN does not
// show it before a newer one as well; or no keeper could read it before.
func (k killing) unknowable(newest rank) bool {
	o := k.o
	if o.unknown(k.presented, o.w.settings) {
		return true
	}
	if o.w.settings.Claims || newest.generation-k.presented.generation <= memory && !o.ageDeleted {
		return false
	}
	stood, followed := false, false
	for _, e := range o.w.history(slotRefresh) {
		if e.Value == k.token {
			if followed {
				return false
			}
			stood = true
		} else if r, ok := o.tokens.known(e.Value); ok && r.consent == k.presented.consent && k.presented.less(r) {
			followed = stood
		}
	}
	return true
}
