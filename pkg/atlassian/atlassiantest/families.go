package atlassiantest

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// families holds every token family since the start or the last reset.
type families struct {
	*core
	all     []*family // the index is family.seq
	free    []*pair   // records for reuse
	scratch claims    // saves an allocation per token
	lately  map[atlassian.Secret]identity
}

// newFamily starts the family of a code that was exchanged.
func (s *families) newFamily(c *code, g *grant, now time.Time) *family {
	f := &family{
		seq: uint32(len(s.all)), id: randomUUID(s.rng), app: c.app, account: c.account, grant: g,
		cloudID: c.cloudID(), born: c.consented, active: now, pairs: map[uint64]*pair{},
	}
	s.all = append(s.all, f)
	return f
}

// bySeq returns the family with this number, or nil.
func (s *families) bySeq(seq uint32) *family {
	if int(seq) >= len(s.all) {
		return nil
	}
	return s.all[seq]
}

// killWhere ends every live family that match selects.
func (s *families) killWhere(match func(*family) bool, d Death) {
	for _, f := range s.all {
		if f.death == nil && match(f) {
			f.applyLimits(d.At, &s.policy)
			f.kill(d)
		}
	}
}

// retire drops the records of f that are not needed at now.
func (s *families) retire(f *family, now time.Time) {
	f.retire(now, func(p *pair) { s.free = append(s.free, p) })
}

// issueFirst issues the pair of a code. It has a refresh token if the grant has
// offline_access.
func (s *families) issueFirst(f *family, now time.Time) *pair {
	p := s.newPair(f)
	s.mint(f, p, now, slices.Contains(f.grant.scopes, scopeOffline))
	return p
}

// issueNext issues the pair that a spend of parent yields. It has a refresh
// token even if a later consent left offline_access out.
func (s *families) issueNext(f *family, parent *pair, now time.Time) *pair {
	p := s.newPair(f)
	p.parent = parent.serial
	p.generation, p.sibling = parent.generation+1, parent.nextSibling
	parent.nextSibling++
	s.mint(f, p, now, true)
	return p
}

// issueAccess issues an access token only. Owner keeps its refresh token.
func (s *families) issueAccess(f *family, owner *pair, now time.Time) *pair {
	p := s.newPair(f)
	p.owner, p.parent = owner.serial, owner.parent
	p.generation, p.sibling = owner.generation, owner.sibling
	s.mint(f, p, now, false)
	f.retireLater(p.serial, p.accessExpires)
	return p
}

// newPair returns an empty record with the family's next serial.
func (s *families) newPair(f *family) *pair {
	var p *pair
	if n := len(s.free); n > 0 {
		p, s.free = s.free[n-1], s.free[:n-1]
		*p = pair{}
	} else {
		p = new(pair)
	}
	f.serial++
	p.serial = f.serial
	return p
}

// mint makes p's tokens and records p in the family.
func (s *families) mint(f *family, p *pair, now time.Time, withRefresh bool) {
	p.scopes = f.grant.scopes
	p.issued, p.accessExpires = now, now.Add(s.policy.AccessTokenLifetime)
	c := &s.scratch
	*c = claims{
		client: f.app.ClientID, account: f.account.ID, family: f.id, scopes: p.scopes,
		issued: now, expires: p.accessExpires, padding: s.policy.TokenPadding,
	}
	p.access = s.minter.mint(p.tokenID(f, kindAccess), c)
	if withRefresh {
		c.expires = now.Add(s.policy.InactivityLimit)
		p.refresh = s.minter.mint(p.tokenID(f, kindRefresh), c)
	}
	f.pairs[p.serial] = p
	f.generation = max(f.generation, p.generation)
	f.active = now
}

// tokenID identifies one of p's tokens.
func (p *pair) tokenID(f *family, k kind) tokenID {
	return tokenID{k, f.seq, p.serial, p.generation, p.sibling}
}
