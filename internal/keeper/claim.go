package keeper

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// alone presents a token, unless a neighbour presents the same one at this moment: both may have
// begun with it, and neither ledger told when they asked.
func alone(ctx context.Context, t *tick, v view, d family.Decision, out Outcome) (_ Outcome, again bool) {
	token := v.State.Refresh
	if d.Candidate.Version > 0 {
		token = d.Candidate.Value
	}
	if other := t.neighbours.claim(t.conn.Name, token); other != "" {
		return out.as(Contended, "%s presents the same token", other), false
	}
	return t.rotate(ctx, v, d, out)
}

// claim claims a token for a connection that is about to present it. Where a neighbour presents
// it, or has and does not know the answer, the neighbour is returned. If that may be so of both,
// the one whose name comes first goes on: they would wait for each other for ever.
func (n *neighbours) claim(of string, token atlassian.Secret) (by string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fp, mark := family.FingerprintOf(token), family.MarkOf(token)
	ours := n.mayPresent(of, mark)
	for _, c := range n.all {
		theirs := n.mayPresent(c.Name, mark) && !(ours && of < c.Name)
		if c.Name != of && (theirs || n.claims[c.Name] == fp) {
			return c.Name
		}
	}
	if n.claims == nil {
		n.claims = map[string]family.Fingerprint{}
	}
	n.claims[of] = fp
	return ""
}

// mayPresent reports whether a connection's ledger tells that it presents a token, or has and does
// not know the answer. It needs the lock.
func (n *neighbours) mayPresent(connection string, m family.Mark) bool {
	s := n.seen[connection]
	return s != nil && family.Owns(family.State{Intent: s.state.Intent, Doubt: s.state.Doubt}, m)
}

// release ends a claim: from now on the connection's ledger tells.
func (n *neighbours) release(of string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.claims, of)
}
