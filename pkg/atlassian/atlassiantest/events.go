package atlassiantest

import "time"

// Outcome is what the token endpoint did with a request.
type Outcome string

// The outcomes of a request at the token endpoint.
const (
	// OutcomeExchanged: a code became a new family.
	OutcomeExchanged Outcome = "exchanged"
	// OutcomeRotated: the first spend of a refresh token.
	OutcomeRotated Outcome = "rotated"
	// OutcomeReplayed: a spent token was accepted again and got a sibling pair.
	OutcomeReplayed Outcome = "replayed"
	// OutcomeAccessOnly: an access token was issued; the refresh token stays usable.
	OutcomeAccessOnly Outcome = "access_only"
	// OutcomeRefused: see Event.Refusal and Event.Killed.
	OutcomeRefused Outcome = "refused"
	// OutcomeNotReached: a fault replaced the answer before the server did anything.
	OutcomeNotReached Outcome = "not_reached"
)

// Event is one request at the token endpoint. Where Fault is set, the client saw
// something else than Outcome.
type Event struct {
	Time      time.Time `json:"time"`
	GrantType string    `json:"grant_type"`
	Presenter string    `json:"presenter,omitempty"`
	// FamilyID, Generation and Sibling identify the presented token, if this
	// emulator issued it. For an exchange, FamilyID is the new family's.
	FamilyID   string `json:"family,omitempty"`
	Generation int    `json:"generation"`
	Sibling    int    `json:"sibling"`
	// Committed reports whether tokens were issued, received or not.
	Committed bool    `json:"committed"`
	Outcome   Outcome `json:"outcome"`
	// Refusal is the OAuth error code of OutcomeRefused.
	Refusal string `json:"refusal,omitempty"`
	// Killed is the cause of death if this request killed the family.
	Killed Cause `json:"killed,omitempty"`
	// Fault describes the fault that was applied.
	Fault string `json:"fault,omitempty"`
}

// defaultEventLog is how many token-endpoint events are kept by default.
const defaultEventLog = 1024

// eventLog keeps the newest limit events.
type eventLog struct {
	*core
	limit int
	ring  []Event
	next  int
	total uint64
}

// newEventLog returns an empty log; see Config.EventLog for size.
func newEventLog(c *core, size int) eventLog {
	if size == 0 {
		size = defaultEventLog
	}
	return eventLog{core: c, limit: max(size, 0)}
}

func (l *eventLog) log(ev Event) {
	l.total++
	if l.limit == 0 {
		return
	}
	if len(l.ring) < l.limit {
		l.ring = append(l.ring, ev)
		return
	}
	l.ring[l.next] = ev
	l.next = (l.next + 1) % l.limit
}

// Events returns the events that are kept, oldest first.
func (l *eventLog) Events() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Event, 0, len(l.ring))
	return append(append(list, l.ring[l.next:]...), l.ring[:l.next]...)
}

// EventCount returns how many requests the token endpoint has had, including
// those whose events are not kept any more.
func (l *eventLog) EventCount() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}
