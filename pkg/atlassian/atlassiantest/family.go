package atlassiantest

import "time"

// family is all tokens that descend from one exchanged consent. Its methods
// need the emulator's lock.
type family struct {
	seq        uint32
	id         string
	app        *app
	account    *account
	grant      *grant
	cloudID    string
	born       time.Time // the consent
	active     time.Time // the last issue of tokens
	generation uint32
	serial     uint64 // of the last pair issued
	pairs      map[uint64]*pair
	done       []retirement
	doneHead   int
	death      *Death
}

// pair is one issue of tokens. Generation 0 comes from the code.
type pair struct {
	serial        uint64
	parent        uint64 // serial of the pair whose spend issued this one; 0 for the first
	owner         uint64 // if only an access token was issued: the pair that keeps its refresh token; else 0
	generation    uint32
	sibling       uint32
	nextSibling   uint32
	refresh       string // "" if only an access token was issued
	access        string
	scopes        []string
	issued        time.Time
	accessExpires time.Time
	spent         bool
	succeeded     bool // a token that this one's spend issued was itself spent
	revoked       bool
	// deadline is when the reuse interval of a spent or revoked pair ends.
	deadline time.Time
}

// retirement says from when on a pair's record is not needed.
type retirement struct {
	serial uint64
	at     time.Time
}

// expiry returns when a time limit will end the family, and which. The cause is
// empty if both limits are off.
func (f *family) expiry(p *Policy) (at time.Time, cause Cause) {
	if p.AbsoluteLifetime > 0 {
		at, cause = f.born.Add(p.AbsoluteLifetime), CauseExpiredAbsolute
	}
	if p.InactivityLimit > 0 {
		if idle := f.active.Add(p.InactivityLimit); cause == "" || idle.Before(at) {
			at, cause = idle, CauseInactive
		}
	}
	return at, cause
}

// applyLimits ends the family if a time limit has passed. Its death is dated at
// the limit, not at now.
func (f *family) applyLimits(now time.Time, p *Policy) {
	if f.death != nil {
		return
	}
	if at, cause := f.expiry(p); cause != "" && !now.Before(at) {
		f.kill(Death{Cause: cause, At: at})
	}
}

// kill ends the family and drops its records. They are not needed: a token
// itself says which one it is.
func (f *family) kill(d Death) {
	if f.death == nil {
		f.death = &d
		f.pairs, f.done, f.doneHead = nil, nil, 0
	}
}

// retireLater notes that a pair's record is not needed from at on.
func (f *family) retireLater(serial uint64, at time.Time) {
	f.done = append(f.done, retirement{serial, at})
}

// retire drops the records that are not needed at now, in the order in which
// they were noted, and passes them to free.
func (f *family) retire(now time.Time, free func(*pair)) {
	for f.doneHead < len(f.done) && !now.Before(f.done[f.doneHead].at) {
		serial := f.done[f.doneHead].serial
		f.doneHead++
		if p := f.pairs[serial]; p != nil {
			delete(f.pairs, serial)
			free(p)
		}
	}
	if f.doneHead > 32 && f.doneHead*2 > len(f.done) {
		n := copy(f.done, f.done[f.doneHead:])
		f.done, f.doneHead = f.done[:n], 0
	}
}

// spend marks p as used for the first time.
func (f *family) spend(p *pair, now time.Time, reuse time.Duration) {
	p.spent, p.deadline = true, now.Add(reuse)
	f.retireLater(p.serial, p.deadline)
	if parent := f.pairs[p.parent]; parent != nil {
		parent.succeeded = true
	}
}

// revokeDescendants ends every pair that descends from an earlier spend of p.
func (f *family) revokeDescendants(p *pair, now time.Time, reuse time.Duration) {
	for _, child := range f.pairs {
		if child.parent != p.serial || child.owner != 0 || child.revoked {
			continue
		}
		child.revoked = true
		if !child.spent {
			child.deadline = now.Add(reuse)
			f.retireLater(child.serial, child.deadline)
		}
		f.revokeDescendants(child, now, reuse)
	}
}

// accessLives reports whether p's access token is accepted at now. The family
// must be alive.
func (f *family) accessLives(p *pair, now time.Time) bool {
	if p == nil || p.revoked || !now.Before(p.accessExpires) {
		return false
	}
	if p.owner != 0 {
		owner := f.pairs[p.owner]
		return owner != nil && !owner.revoked && (!owner.spent || now.Before(owner.deadline))
	}
	return !p.spent || now.Before(p.deadline)
}

// fatal returns the cause of death if presenting p's refresh token at now kills
// the family, and else "". A nil pair has no record any more: it was spent, and
// its reuse interval is over.
func fatal(p *pair, now time.Time, policy *Policy) Cause {
	switch {
	case p == nil:
		return CauseReplayedAfterReuseInterval
	case (p.spent || p.revoked) && !now.Before(p.deadline):
		return CauseReplayedAfterReuseInterval
	case p.revoked:
		return CauseRevokedSiblingPresented
	case p.spent && p.succeeded && policy.OlderReplayKills:
		return CauseOlderGenerationReplayed
	}
	return ""
}
