package keeper

import (
	"context"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// presentClaimed presents a token, unless a neighbour presents the same one at this moment: both may
// have begun with it, and neither ledger told when they asked.
func presentClaimed(ctx context.Context, t *tick, v view, d family.Decision, out Outcome) (_ Outcome, again bool) {
	if other := t.neighbours.claim(t.conn.Name, v.Presented(d), v.Now); other != "" {
		t.unlock(ctx) // psoxy may go on
		return out.as(Contended, "%s presents the same token", other), false
	}
	return t.rotate(ctx, v, d, out)
}

// claim claims a token for a connection that is about to present it. Where a neighbour presents
// it, or has and does not know the answer, the neighbour is returned. If that may be so of both,
// the one whose name comes first goes on: they would wait for each other for ever.
func (n *neighbours) claim(of string, token atlassian.Secret, now time.Time) (by string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fp := family.FingerprintOf(token)
	ours := n.mayPresent(of, fp, now)
	for _, c := range n.all {
		theirs := n.mayPresent(c.Name, fp, now) && !(ours && of < c.Name)
		if c.Name != of && (theirs || n.claims[c.Name] == fp) {
			return c.Name
		}
	}
	n.claims[of] = fp
	return ""
}

// mayPresent reports whether a connection's ledger tells that it presents a token, or has lately
// and does not know the answer. It needs the lock.
func (n *neighbours) mayPresent(connection string, token family.Fingerprint, now time.Time) bool {
	s := n.seen[connection]
	return s != nil && slices.ContainsFunc([]*family.Intent{s.state.Intent, s.state.Doubt}, func(in *family.Intent) bool {
		return in != nil && !family.LongOver(in.Last, now) && in.Token == token
	})
}

// release ends a claim: from now on the connection's ledger tells.
func (n *neighbours) release(of string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.claims, of)
}
