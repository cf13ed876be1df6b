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
	// it; and heir who may present it all the same, because it has read it before.
	erased *rank
	heir   *actor
}

// glimpses tell which tokens in REFRESH_TOKEN no keeper can know any more.
type glimpses struct {
	// standing are the last tokens that were stored, and fresh that reader, who looked last,
	// has not read them all.
	standing []rank
	fresh    bool
	reader   *actor
	// read are those who have read a token last, and missed the same of tokens that a
	// person has deleted since, with every version, or psoxy destroyed; nil for nobody.
	read, missed map[rank]*actor
}

// stood notes that a token is stored in REFRESH_TOKEN.
func (g *glimpses) stood(r rank) {
	const lately = 16
	g.standing, g.fresh = append(g.standing[max(0, len(g.standing)-lately+1):], r), true
}

// looked notes that a keeper reads REFRESH_TOKEN.
func (g *glimpses) looked(by *actor) {
	if by == g.reader && !g.fresh {
		return
	}
	for _, r := range g.standing {
		g.read[r] = by
	}
	g.reader, g.fresh = by, false
}

// unknown reports whether nothing tells what a token is: it has no claims, it was gone, and
// no process that has read it before goes on.
func (g *glimpses) unknown(r rank, in Settings) bool {
	by, gone := g.missed[r]
	return gone && !in.Claims && (by == nil || !by.goesOn())
}

// gone notes that of the versions of REFRESH_TOKEN only so many are left.
func (g *glimpses) gone(left int) {
	n := max(0, len(g.standing)-left)
	for _, r := range g.standing[:n] {
		g.missed[r] = g.read[r]
	}
	g.standing = g.standing[n:]
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

func (h *holdings) rise(r rank, now time.Time) {
	h.highest, h.erased, h.heir, h.rotated = r, nil, nil, now
}

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
