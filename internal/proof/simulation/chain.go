package simulation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// lease is how long an intent counts.
const lease = 2 * time.Minute

// chain is the ledger as the oracle reads it: it sees every put in its order and
// knows who wrote it, so that it needs no history.
type chain struct {
	// valid is the version of the last valid entry, 0 if there is none.
	valid int64
	mark  string
	by    *actor
	at    time.Time
	// token is the entry's newest refresh token, of its rank where it is known.
	token atlassian.Secret
	of    rank
	known bool
	// intent is the fingerprint of the token that is about to be presented, owned
	// by the process that owner names; since is the first of the valid entries that said so.
	intent string
	owned  bool
	owner  string
	since  time.Time
	// highest is the newest token that an entry held.
	highest rank
	// text is where entries are read.
	text []byte
}

// grant is a valid intent. It lets its owner present the token until the lease
// ends or another keeper's entry follows. It stays valid when a consent follows or a
// person deletes the ledger: the owner cannot know that.
type grant struct {
	by    *actor
	token string
	at    time.Time
}

func (g grant) covers(by *actor, token string, now time.Time) bool {
	return g.by == by && g.token == token && now.Sub(g.at) < lease
}

// grants are the intent in force, the one that was when a person deleted the ledger,
// and the one that a consent has replaced.
type grants struct {
	grant, ousted, replaced grant
	ledgerDeleted           time.Time
}

// granted notes what a keeper's valid entry announces. It may carry another's intent on.
func (g *grants) granted(by *actor, c *chain) {
	if by.role != ticks && !c.owned {
		g.replaced = g.grant
	}
	if carried := g.grant.by; by.role != ticks || carried != nil && carried != by && carried.name == c.owner && g.grant.token == c.intent {
		return
	}
	g.grant = grant{}
	if c.owned {
		g.grant = grant{by, c.intent, c.at}
	}
}

// oust notes that a person deleted the ledger.
func (g *grants) oust(now time.Time) { g.ousted, g.ledgerDeleted = g.grant, now }

// cover reports whether a spend is announced.
func (g *grants) cover(by *actor, token string, now time.Time) bool {
	return g.grant.covers(by, token, now) || g.ousted.covers(by, token, now) || g.replaced.covers(by, token, now)
}

// ledgerEntry is the part of an entry that an oracle needs.
type ledgerEntry struct {
	Of    string    `json:"of"`
	Base  int64     `json:"base"`
	After string    `json:"after"`
	Mark  string    `json:"mark"`
	At    time.Time `json:"at"`
	State struct {
		Refresh string `json:"refresh"`
		Record  struct {
			AuthorizedAt time.Time `json:"authorized_at"`
		} `json:"record"`
		Intent *struct {
			Owner string `json:"owner"`
			Token string `json:"token"`
		} `json:"intent"`
	} `json:"state"`
}

// freshFor is how old an entry may be when it is stored, where nothing but the entry
// itself proves it: the first of a ledger, or one that names the version before it.
const freshFor = time.Hour

// youngLedger is the version up to which an entry's number proves nothing: a new
// ledger may have come so far while the entry's writer still knew the old one.
const youngLedger = 24

// read judges a put of the ledger; it returns nil for an invalid entry. An entry
// is valid if it names the last valid one. After a deletion numbers begin again. Then,
// in a ledger that is not young, one that names the version just before it is valid
// whatever that version holds, as for every reader.
func (c *chain) read(version int64, value atlassian.Secret, now time.Time, deleted bool) *ledgerEntry {
	var e ledgerEntry
	c.text = value.AppendReveal(c.text[:0])
	if json.Unmarshal(c.text, &e) != nil || e.Of != connectionName {
		return nil
	}
	fresh := now.Sub(e.At).Abs() <= freshFor
	follows := e.Base == c.valid && e.After == c.mark && (e.Base > 0 || fresh)
	if !follows && !(deleted && fresh && version > youngLedger && e.Base == version-1) {
		return nil
	}
	c.valid, c.mark = version, e.Mark
	return &e
}

// take notes a valid entry.
func (c *chain) take(by *actor, e *ledgerEntry, now time.Time, t *tokens) {
	c.by, c.at = by, now
	c.token = atlassian.NewSecret(e.State.Refresh)
	c.of, c.known = t.known(c.token)
	before := c.intent
	c.intent, c.owned, c.owner = "", false, ""
	if in := e.State.Intent; in != nil {
		c.intent, c.owned, c.owner = in.Token, in.Owner != "", in.Owner
	}
	if c.intent != before {
		c.since = now
	}
}

// intends reports whether a process wrote the ledger's last valid entry, an intent,
// within a lease. What a process holds that has not, nobody can know.
func (c *chain) intends(a *actor, now time.Time) bool {
	return c.valid != 0 && c.by == a && c.owned && now.Sub(c.at) < lease
}

func fingerprint(token atlassian.Secret) string {
	var stack [1024]byte
	sum := sha256.Sum256(token.AppendReveal(stack[:0]))
	return hex.EncodeToString(sum[:6])
}
