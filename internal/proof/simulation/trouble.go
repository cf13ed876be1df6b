package simulation

import (
	"strings"
	"time"
)

// trouble is a set of things that keep a tick from its work.
type trouble uint32

const (
	storeDown trouble = 1 << iota
	keyDown
	ledgerDenied
	credentialsDenied
	atlassianFailsBefore
	atlassianFailsAfter
	atlassianUnreachable
	atlassianDenies
	accountOff
	secretWrong
	// The rest are not the world's but a single tick's.
	contended
	paused
	killed
	struckOften
	lagging
	troubleCount = 15
)

// worldly are the troubles that begin and end whether or not a tick runs.
const worldly = contended - 1

var troubleNames = [troubleCount]string{"store down", "key denied", "ledger denied", "credentials denied", "Atlassian failing",
	"Atlassian losing answers", "Atlassian unreachable", "Atlassian refusing all", "account inactive", "client secret wrong",
	"at work elsewhere", "paused", "killed", "struck often", "times not shown yet"}

// String names what is in the set.
func (t trouble) String() string {
	var names []string
	for i, name := range troubleNames {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// troubles are the world's, at this moment and lately.
type troubles struct {
	time  *timeline
	down  trouble
	until [troubleCount]time.Time
	// keyReads: the key denies writing only.
	keyReads bool
	// outages are the latest intervals in which anything was down; the end of the
	// last one is zero while it lasts.
	outages []outage
}

type outage struct{ from, to time.Time }

// trouble lets trouble begin, and end after d.
func (s *troubles) trouble(t trouble, d time.Duration, end func()) {
	bit := 0
	for 1<<bit != t {
		bit++
	}
	if s.down == 0 {
		const kept = 16
		if len(s.outages) == kept {
			s.outages = append(s.outages[:0], s.outages[kept/2:]...)
		}
		s.outages = append(s.outages, outage{from: s.time.now})
	}
	s.down |= t
	until := s.time.now.Add(d)
	if until.After(s.until[bit]) {
		s.until[bit] = until
	}
	s.time.in(d, func() {
		if end != nil {
			end()
		}
		if s.until[bit].After(s.time.now) || s.down&t == 0 {
			return
		}
		if s.down &^= t; s.down == 0 {
			s.outages[len(s.outages)-1].to = s.time.now
		}
	})
}

// failing is how token requests go wrong now, or 0.
func (s *troubles) failing() Kind {
	switch {
	case s.down&atlassianUnreachable != 0:
		return Unreached
	case s.down&atlassianDenies != 0:
		return FalseRefusal
	case s.down&atlassianFailsBefore != 0:
		return ErrorBefore
	case s.down&atlassianFailsAfter != 0:
		return ErrorAfter
	}
	return 0
}

// A tick whose family is in danger tries for about a minute. An outage excuses it
// only if it leaves no span of calm that is long enough for a round of attempts.
const (
	perseverance = time.Minute
	calm         = 22 * time.Second
)

// leavesCalm reports whether a tick that has just ended, and was free to act from
// begun on, had, or would have had by going on until end, a span of calm.
func (s *troubles) leavesCalm(begun, end time.Time, calm time.Duration) bool {
	for _, o := range s.outages {
		to := o.to
		if to.IsZero() {
			for bit, until := range s.until {
				if s.down&(1<<bit) != 0 && until.After(to) {
					to = until
				}
			}
		}
		if !to.After(begun) || !o.from.Before(end) {
			continue
		}
		if o.from.Sub(begun) >= calm {
			return true
		}
		begun = to
	}
	return end.Sub(begun) >= calm
}
