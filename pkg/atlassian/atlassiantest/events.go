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
	// OutcomeAccessOnly: an access token was issued, the refresh token stays good.
	OutcomeAccessOnly Outcome = "access_only"
	// OutcomeRefused: see Event.Refusal and Event.Killed.
	OutcomeRefused Outcome = "refused"
	// OutcomeNotReached: a fault struck before the server did anything.
	OutcomeNotReached Outcome = "not_reached"
)

// Event is one request at the token endpoint. What the client saw differs from
// Outcome where Fault is set.
type Event struct {
	Time      time.Time `json:"time"`
	GrantType string    `json:"grant_type"`
	Presenter string    `json:"presenter,omitempty"`
	// FamilyID, Generation and Sibling of the token presented, when it is one
	// of this emulator's; for an exchange, of the family that was born.
	FamilyID   string `json:"family,omitempty"`
	Generation int    `json:"generation"`
	Sibling    int    `json:"sibling"`
	// Committed reports whether tokens were issued, received or not.
	Committed bool    `json:"committed"`
	Outcome   Outcome `json:"outcome"`
	// Refusal is the OAuth error code of OutcomeRefused.
	Refusal string `json:"refusal,omitempty"`
	// Killed is the cause of death when this request killed the family.
	Killed Cause `json:"killed,omitempty"`
	// Fault describes the fault that was applied.
	Fault string `json:"fault,omitempty"`
}

// eventLog keeps the newest limit events.
type eventLog struct {
	limit int
	ring  []Event
	next  int
	total uint64
}

func (l *eventLog) add(ev Event) {
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
func (e *Emulator) Events() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &e.events
	list := make([]Event, 0, len(l.ring))
	return append(append(list, l.ring[l.next:]...), l.ring[:l.next]...)
}

// EventCount returns how many requests the token endpoint has had, those whose
// events are no longer kept included.
func (e *Emulator) EventCount() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.events.total
}
