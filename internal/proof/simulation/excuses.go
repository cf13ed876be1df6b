package simulation

import (
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// excuse is a reason for which no keeper could have kept a family.
type excuse struct {
	// name is what reports call it.
	name string
	// cause names what documents that no keeper could prevent it.
	cause   string
	applies func(loss) bool
}

// excuses are all accepted reasons; the first that applies counts. A loss without an
// excuse is avoidable.
var excuses = []excuse{
	{"the user removed the app", "Atlassian: a user's revocation ends the grant",
		diedOf(atlassiantest.CauseRevokedByUser)},
	{"the password was changed", "Atlassian: a password change ends every grant of the account",
		diedOf(atlassiantest.CausePasswordChanged)},
	{"a newer consent ended it", "Atlassian, as users report: a new consent can end the older family at once",
		diedOf(atlassiantest.CauseSupersededByConsent)},

	{"psoxy presented an old token", "psoxy: a read is kept for five minutes, and longer while reading again fails",
		func(l loss) bool {
			return l.killedByPsoxy() && (l.root == nil || l.root.by.role == consumes || l.early() || l.overruled())
		}},
	{"psoxy presented a token again and lost the answer", "psoxy: as above, and a failed save loses the pair",
		func(l loss) bool { return l.root != nil && l.root.again && !l.topSpentByUs() }},
	{coveredByPsoxy, "psoxy: as above; a token that tells nothing is taken for psoxy's rotation",
		func(l loss) bool { return l.o.coveredByPsoxy() }},
	{storedLikePsoxy, "psoxy: it writes ACCESS_TOKEN, then REFRESH_TOKEN; a token that tells nothing is taken for its rotation",
		func(l loss) bool {
			o := l.o
			return o.likePsoxys(o.highest) && o.chain.known && o.older(o.chain.of, o.highest)
		}},

	{"the only place of the newest token was deleted", "AWS: DeleteParameter takes every version with it; psoxy on Google Cloud: it destroys the versions under the one it adds",
		func(l loss) bool {
			inherited := l.o.heir != nil && l.o.heir.goesOn()
			return l.o.erased != nil && !inherited && (!l.stored || !l.o.erased.less(l.top.of))
		}},
	{"a person deleted what told of the spend", "AWS: DeleteParameter takes every version with it",
		func(l loss) bool { return l.root != nil && l.root.erased && !l.root.chance }},
	{"people deleted what alone told which consent is the newest", "AWS: DeleteParameter takes every version with it",
		func(l loss) bool {
			c := l.o.chain
			return (l.o.ageDeleted || l.o.undated[c.of.consent]) && l.stored && c.known && c.of.consent != l.top.of.consent
		}},
	{unremembered, "Atlassian: tokens are opaque; a ledger's entry holds 200 fingerprints, a history 100 versions",
		func(l loss) bool { return l.o.forgotten && (l.root == nil || !l.root.chance || l.overruled()) }},

	{"no tick within the leeway", "AWS: the schedule, or the function, can be down",
		func(l loss) bool { return l.helpless() && l.root.ticks == 0 }},
	{"AWS failed at every tick within the leeway", "AWS: outages of Parameter Store",
		everyTickMet(storeDown)},
	{"the key denied every tick within the leeway", "AWS: a key's policy or grants can change, and keys can be disabled",
		everyTickMet(keyDown)},
	{"the ledger or the credentials were denied at every tick within the leeway", "AWS: policies can change, and a label on the oldest version forbids writing",
		everyTickMet(ledgerDenied | credentialsDenied)},
	{"Atlassian failed at every tick within the leeway", "Atlassian: outages of 42 minutes (2022) and 3 hours (2024)",
		everyTickMet(atlassianFailsBefore | atlassianFailsAfter | atlassianUnreachable | atlassianDenies)},
	{"the account or the app's secret was unusable at every tick within the leeway", "Atlassian: 401 and 403 while a person has to act",
		everyTickMet(accountOff | secretWrong)},
	{"Google did not tell at any tick within the leeway when the ledger was written", "Google: all but versions by number is eventually consistent, which may take hours",
		func(l loss) bool { return everyTickMet(lagging|contended)(l) && l.root.why&lagging != 0 }},
	{"every tick within the leeway was killed or paused, or met another's intent", "AWS: a function's process can be ended or frozen at any time",
		everyTickMet(killed | paused | contended)},
	{"several of these, one at each tick within the leeway", "each as above",
		everyTickMet(worldly | killed | paused | contended | struckOften | lagging)},
}

func diedOf(cause atlassiantest.Cause) func(loss) bool {
	return func(l loss) bool { return l.death != nil && l.death.Cause == cause }
}

// everyTickMet: some ticks could have helped, and each met one of these troubles.
func everyTickMet(t trouble) func(loss) bool {
	return func(l loss) bool { return l.helpless() && l.root.ticks > 0 && l.root.why&^t == 0 }
}

// helpless: a keeper spent the token, and no tick could have saved its successor.
func (l loss) helpless() bool { return l.root != nil && !l.root.chance && !l.root.erased }

func (l loss) killedByPsoxy() bool {
	return l.death != nil && strings.HasPrefix(l.death.Presenter, "psoxy")
}

// overruled: somebody presented an older token while the newest was stored and alive.
func (l loss) overruled() bool {
	return l.o.overruled != nil && l.o.overruled.consent == l.o.highest.consent
}

// early: the family died while its newest token could still have been replayed.
func (l loss) early() bool { return l.death.At.Sub(l.root.at) < reuseInterval }

// topSpentByUs: the newest stored token was itself spent by a keeper.
func (l loss) topSpentByUs() bool {
	p := l.o.spend(l.top.of)
	return p != nil && p.by.role == ticks && l.root == p && !slices.ContainsFunc(p.received, func(a *actor) bool { return a.role == consumes })
}

// unremembered is an excuse for a ledger that goes back to an older family, too.
const unremembered = "a token that nothing remembers was written back"

// coveredByPsoxy is an excuse for a ledger that goes back to an older family, too.
const coveredByPsoxy = "psoxy wrote an older family's token over a consent"

// coveredByPsoxy: the newest consent lives, but the ledger goes on with an older
// family. Psoxy wrote a token of that family after the consent was stored.
func (o *oracle) coveredByPsoxy() bool {
	return o.chain.known && o.older(o.chain.of, o.highest) && o.covered(o.chain.of)
}

// covered reports whether psoxy wrote a token of an older family over a newer consent, and
// the token has no claims that would show it, or what shows its family's age was destroyed
// unread.
func (o *oracle) covered(r rank) bool {
	undated := false
	for missed, by := range o.missed {
		undated = undated || missed.consent == r.consent && (by == nil || !by.goesOn())
	}
	return o.covers[r.consent] && (undated || !o.w.settings.Claims)
}

// storedLikePsoxy is an excuse for a ledger that goes back to an older consent, too: to one
// that it never held. Taken for psoxy's rotation, the newest is of the family before both.
const storedLikePsoxy = "a person stored a consent as psoxy stores a rotation"

// likePsoxys reports whether a person stored a token's consent as psoxy stores a rotation,
// and it has no claims that would show it.
func (o *oracle) likePsoxys(r rank) bool {
	return o.w.settings.Shared && !o.w.settings.Claims && o.likePsoxy[r.consent]
}
