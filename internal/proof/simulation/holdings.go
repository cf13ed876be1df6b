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
	// erased is the newest token where a person deleted its only place.
	erased *rank
}

// glimpses tell which tokens in REFRESH_TOKEN no keeper could know.
type glimpses struct {
	// unread are the tokens that others stored and no keeper has read since, and read
	// those that one has.
	unread []rank
	read   map[rank]bool
	// missed are those that a person deleted, with every version, before a keeper read them.
	missed map[rank]bool
}

// looked notes that a keeper reads REFRESH_TOKEN.
func (g *glimpses) looked() {
	for _, r := range g.unread {
		g.read[r] = true
	}
	g.unread = g.unread[:0]
}

// unknown reports whether nothing tells what a token is: it has no claims, and a person
// deleted it before a keeper could read it.
func (g *glimpses) unknown(r rank, in Settings) bool { return g.missed[r] && !in.Claims }

// gone notes that REFRESH_TOKEN was deleted.
func (g *glimpses) gone() {
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
