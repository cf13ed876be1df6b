package family

import "time"

const (
	// candidateProbes is how often a candidate is presented while the ledger's own token is good.
	candidateProbes = 4
	// leewayLook is the rest of a candidate inside the leeway of a lost answer. Attempts in
	// there are not counted.
	leewayLook = 10 * time.Second
	// beforeRotation: an access token that lives no longer than this is rotated soon. It is a
	// little more than Policy.RefreshBefore is by default.
	beforeRotation = 30 * time.Minute
)

// rest is how long a token that was refused so often rests.
func rest(refusals int) time.Duration {
	switch {
	case refusals <= 1:
		return secondLook
	case refusals == 2:
		return probeFirst
	}
	return probeAgain
}

// again reports whether a refused candidate is presented once more now.
func (s judge) again(r Rejected) bool {
	own, wait := s.State.Record, rest(r.Count)
	switch {
	case r.sibling(own):
		return false
	case r.Credentials != s.Credentials():
		return true // under these it may be good
	case takesTurn(s, r), comesBeforeRotation(s, r):
		return true
	case open(r.First, s.Now):
		wait = leewayLook
	}
	// It is presented for ever only if nothing is left to lose: the own token is refused, too.
	return (own.Refused() || r.Count < candidateProbes) && !s.Now.Before(r.At.Add(wait))
}

// takesTurn reports whether a refused candidate is presented before the own token, which is
// refused, too. One reason is that the own token is due. The other is that its leeway is open:
// both refusals may be mistakes. If Atlassian takes the own token first, this one's turn is over.
func takesTurn(s judge, r Rejected) bool {
	own, in := s.State.Record, s.State.doubted()
	due := own.Refused() && !s.Now.Before(own.probeAt()) && r.At.Before(own.probeAt())
	return due || own.refusedSince(r.At) && in != nil && open(in.First, s.Now) && !r.Stored.IsZero()
}

// comesBeforeRotation reports whether the own token is rotated soon, of which a refused candidate
// may be the successor. If the refusals were mistakes, the rotation would kill it.
func comesBeforeRotation(s judge, r Rejected) bool {
	soon := s.State.Record.AccessExpiresAt.Sub(s.Now) < beforeRotation
	return soon && !r.Stored.IsZero() && r.Count < candidateProbes && s.Now.Sub(r.At) >= Leeway && !s.looksAgain(r)
}

// looksAgain reports whether the own token waits until a refused candidate is presented once
// more. If the refusal was a mistake, this one may be the own token's successor, and a rotation
// would kill it. That is so after the first refusal. After the second one it is so where more
// tells of a successor, for an hour.
func (s judge) looksAgain(r Rejected) bool {
	switch {
	case r.sibling(s.State.Record), r.Count > 2, !Within(r.At, s.Now, rest(r.Count)), r.Credentials != s.Credentials():
		return false
	case r.Count < 2:
		return true
	case r.spent(), s.ownDoubt(choice{}).replayable(s.Now):
		return false
	}
	return r.Psoxys || !r.Stored.IsZero() && s.Now.Before(s.State.Record.AccessExpiresAt)
}
