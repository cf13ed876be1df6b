package simulation

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// ledgerWritten judges a put of the ledger.
func (o *oracle) ledgerWritten(by *actor, version int64, value atlassian.Secret) {
	c, now := &o.chain, o.w.now
	e := c.read(version, value, now, !o.ledgerDeleted.IsZero())
	if e == nil {
		o.note("  ORACLE: invalid entry")
		return
	}
	c.take(by, e, now, &o.tokens)
	o.granted(by, c)
	if !c.known {
		return
	}
	o.name("in the ledger", c.of)
	o.comparedToHighest()
	o.ledgered[c.of.consent] = true
	delete(o.traceless, c.of.consent)
	if c.highest.less(c.of) || by.role == consents {
		c.highest = c.of
	}
	o.stored(c.of)
	o.checkAge(e)
}

// comparedToHighest judges an entry that holds an older token than an earlier one.
func (o *oracle) comparedToHighest() {
	c := &o.chain
	if c.highest == (rank{}) || !o.older(c.of, c.highest) || o.family(c.highest.consent).Death != nil {
		return
	}
	switch {
	case o.covered(c.of):
		o.excuse(coveredByPsoxy)
	case (o.traceless[c.of.consent] || o.undated[c.of.consent]) && !o.w.settings.Claims:
		o.excuse(unremembered)
	case o.likePsoxys(c.highest) && !o.ledgered[c.of.consent]:
		o.excuse(storedLikePsoxy)
	default:
		o.count(&o.OlderOverNewer, "an older token over a newer one in the ledger")
		return
	}
	c.highest = c.of
}

// younger is by how much a family may seem younger than it is: a person may take
// so long to store what a consent yielded.
const younger = time.Hour

// checkAge compares the entry's time of the consent with the truth. A person who
// deletes the ledger and TOKEN_FAMILY deletes the family's age with them, and so does one
// who deletes REFRESH_TOKEN before a tick has taken a consent from there (AWS:
// DeleteParameter takes every version with it). What psoxy wrote over a consent is taken
// for its next token, with its age.
func (o *oracle) checkAge(e *ledgerEntry) {
	f := o.family(o.chain.of.consent)
	at := e.State.Record.AuthorizedAt
	if at.IsZero() || o.ageDeleted || o.undated[o.chain.of.consent] || o.coveredByPsoxy() || o.madeYounger == f.ID || at.Sub(f.Born) <= younger {
		return
	}
	o.madeYounger = f.ID
	o.count(&o.MadeYounger, "a family is made younger than it is")
}
