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
	owner         uint64 // access-only issues: the pair whose refresh token stays good; else 0
	generation    uint32
	sibling       uint32
	nextSibling   uint32
	refresh       string // "" when access-only
	access        string
	scopes        []string
	issued        time.Time
	accessExpires time.Time
	spent         bool
	spentAt       time.Time
	succeeded     bool // a token issued by this one's spend was itself spent
	revoked       bool
	// deadline is, once the pair is spent or revoked, when its reuse interval ends.
	deadline time.Time
}

// retirement says when a pair's record is no longer needed.
type retirement struct {
	serial uint64
	at     time.Time
}

// expiry returns when and why time alone will end the family, or no cause.
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

// settle lets the time limits take effect, dated when they were reached rather
// than when somebody noticed.
func (f *family) settle(now time.Time, p *Policy) {
	if f.death != nil {
		return
	}
	if at, cause := f.expiry(p); cause != "" && !now.Before(at) {
		f.kill(Death{Cause: cause, At: at})
	}
}

// kill ends the family. Its records go: what a token was it says itself.
func (f *family) kill(d Death) {
	if f.death == nil {
		f.death = &d
		f.pairs, f.done, f.doneHead = nil, nil, 0
	}
}

// killLive settles the family, then ends it if it still lives.
func (f *family) killLive(p *Policy, d Death) {
	f.settle(d.At, p)
	f.kill(d)
}

// retireLater notes that pair serial's record is not needed from at on.
func (f *family) retireLater(serial uint64, at time.Time) {
	f.done = append(f.done, retirement{serial, at})
}

// retire drops the records whose time has come, in the order they were noted.
func (e *Emulator) retire(f *family, now time.Time) {
	for f.doneHead < len(f.done) && !now.Before(f.done[f.doneHead].at) {
		serial := f.done[f.doneHead].serial
		f.doneHead++
		if p := f.pairs[serial]; p != nil {
			delete(f.pairs, serial)
			e.free = append(e.free, p)
		}
	}
	if f.doneHead > 32 && f.doneHead*2 > len(f.done) {
		n := copy(f.done, f.done[f.doneHead:])
		f.done, f.doneHead = f.done[:n], 0
	}
}

// issue mints a pair into the family; parent is nil for the first. With owner
// set it mints an access token only, beside owner's.
func (e *Emulator) issue(f *family, now time.Time, parent, owner *pair) *pair {
	var p *pair
	if n := len(e.free); n > 0 {
		p, e.free = e.free[n-1], e.free[:n-1]
		*p = pair{}
	} else {
		p = new(pair)
	}
	f.serial++
	p.serial = f.serial
	switch {
	case owner != nil:
		p.owner, p.parent = owner.serial, owner.parent
		p.generation, p.sibling = owner.generation, owner.sibling
	case parent != nil:
		p.parent = parent.serial
		p.generation, p.sibling = parent.generation+1, parent.nextSibling
		parent.nextSibling++
	}
	p.scopes = f.grant.scopes
	p.issued, p.accessExpires = now, now.Add(e.policy.AccessTokenLifetime)
	c := &e.scratch
	*c = claims{
		client: f.app.ClientID, account: f.account.ID, family: f.id, scopes: p.scopes,
		issued: now, expires: p.accessExpires, padding: e.policy.TokenPadding,
	}
	id := tokenID{kindAccess, f.seq, p.serial, p.generation, p.sibling}
	p.access = e.minter.mint(id, c)
	// A family that was given a refresh token keeps being given one, even if a
	// later consent left offline_access out.
	if owner == nil && (parent != nil || hasOffline(p.scopes)) {
		id.kind = kindRefresh
		c.expires = now.Add(e.policy.InactivityLimit)
		p.refresh = e.minter.mint(id, c)
	}
	f.pairs[p.serial] = p
	f.generation = max(f.generation, p.generation)
	f.active = now
	return p
}

// spend marks p as used for the first time.
func (f *family) spend(p *pair, now time.Time, reuse time.Duration) {
	p.spent, p.spentAt, p.deadline = true, now, now.Add(reuse)
	f.retireLater(p.serial, p.deadline)
	if parent := f.pairs[p.parent]; parent != nil {
		parent.succeeded = true
	}
}

// revokeDescendants ends everything that p's earlier spends brought forth.
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

// accessLives reports whether p's access token is accepted at now, in a family
// that lives.
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

func (e *Emulator) familyBySeq(seq uint32) *family {
	if int(seq) >= len(e.families) {
		return nil
	}
	return e.families[seq]
}
