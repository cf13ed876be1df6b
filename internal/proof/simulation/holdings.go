package simulation

import (
	"slices"
	"time"
)

// holdings are the refresh tokens that the ledger and REFRESH_TOKEN hold.
type holdings struct {
	tokens
	chain chain
	// inbox are the tokens in REFRESH_TOKEN's history.
	inbox []placed
	// appeared are the consents in the order in which one of their tokens was first
	// stored. The last one is the newest consent.
	appeared []int
	// highest is the newest consent's newest token that was ever stored, and
	// rotated when that was last stored.
	highest rank
	rotated time.Time
	// erased is the newest token where a person deleted its only place, or psoxy destroyed
	// it.
	erased *rank
}

// glimpses tell which tokens in REFRESH_TOKEN no keeper could know.
type glimpses struct {
	// unread are the tokens that others stored and no keeper has read since. recent are
	// those that reader has read last. read are those that a process has read which was not
	// killed before it wrote the ledger, or before another read them.
	unread, recent []rank
	reader         *actor
	read           map[rank]bool
	// missed are those that a person deleted, with every version, or psoxy destroyed, before
	// a keeper read them.
	missed map[rank]bool
}

// looked notes that a keeper reads REFRESH_TOKEN.
func (g *glimpses) looked(by *actor) {
	if g.reader != by {
		g.conclude()
		g.reader = by
	}
	g.recent = append(g.recent, g.unread...)
	g.unread = g.unread[:0]
}

// conclude decides what the last reader has read: nothing, if it was killed before it wrote
// the ledger.
func (g *glimpses) conclude() {
	if g.reader != nil && g.reader.dead {
		g.unread = append(g.recent, g.unread...)
		g.recent = nil
	}
	for _, r := range g.recent {
		g.read[r] = true
	}
	g.recent = g.recent[:0]
}

// unknown reports whether nothing tells what a token is: it has no claims, and was gone
// before a keeper could read it.
func (g *glimpses) unknown(r rank, in Settings) bool { return g.missed[r] && !in.Claims }

// overwritten notes that of REFRESH_TOKEN only the newest version is left.
func (g *glimpses) overwritten() {
	g.conclude()
	if n := len(g.unread); n > 0 {
		newest := g.unread[n-1]
		g.unread = g.unread[:n-1]
		g.gone()
		g.unread = append(g.unread, newest)
	}
}

// gone notes that REFRESH_TOKEN was deleted.
func (g *glimpses) gone() {
	g.conclude()
	for _, r := range g.unread {
		g.missed[r] = g.missed[r] || !g.read[r]
	}
	g.unread = g.unread[:0]
}

// newest is the newest consent, or -1.
func (h *holdings) newest() int {
	if len(h.appeared) == 0 {
		return -1
	}
	return h.appeared[len(h.appeared)-1]
}

// best is the newest token of a consent that is stored: in the ledger, or in any
// version of REFRESH_TOKEN that is kept.
func (h *holdings) best(consent int) (p placed, ok bool) {
	if c := &h.chain; c.valid != 0 && c.known && c.of.consent == consent {
		p, ok = placed{c.of, c.token, c.by}, true
	}
	for _, in := range h.inbox {
		if in.of.consent == consent && (!ok || p.of.less(in.of)) {
			p, ok = in, true
		}
	}
	return p, ok
}

// take notes that a token is stored.
func (h *holdings) take(r rank, now time.Time) {
	if !slices.Contains(h.appeared, r.consent) {
		h.appeared = append(h.appeared, r.consent)
		h.rise(r, now)
	}
	if r.consent == h.highest.consent && h.highest.less(r) {
		h.rise(r, now)
	}
}

func (h *holdings) rise(r rank, now time.Time) { h.highest, h.erased, h.rotated = r, nil, now }

// apart is how long after one another two consents must be given for a keeper to
// tell which is the newer: so far may healthy clocks disagree.
const apart = 2 * time.Minute

// older reports whether a token is older than another for certain: of two
// families, both by when the consents were given and by when they were stored.
func (h *holdings) older(a, b rank) bool {
	if a.consent == b.consent || !a.less(b) {
		return a.less(b)
	}
	if h.family(b.consent).Born.Sub(h.family(a.consent).Born) < apart {
		return false
	}
	for _, c := range h.appeared {
		switch c {
		case a.consent:
			return true
		case b.consent:
			return false
		}
	}
	return false
}
