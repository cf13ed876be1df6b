package family

// Action is what a tick does about a connection, as it is decided and as it is reported.
type Action string

// What is decided where no token is presented, and reported.
const (
	Idle            Action = "idle"             // nothing is due
	AwaitingConsent Action = "awaiting_consent" // there is no refresh token yet
	Misconfigured   Action = "misconfigured"    // a person has to put something right; the family is kept
	Contended       Action = "contended"        // another process works on the connection
	Refused         Action = "refused"          // Atlassian refused the refresh token; the family is lost
	InDoubt         Action = "in_doubt"         // the refresh token may be spent, and its successor is not known
	// Failed: the rotation did not happen, or not all of it was saved. An attempt now would only
	// repeat the last one.
	Failed Action = "failed"
)

// What is decided, and carried out.
const (
	SettleHeld Action = "settle_held" // put a received pair into the ledger
	Adopt      Action = "adopt"       // begin the ledger with the refresh token that the parameters hold
	Rotate     Action = "rotate"      // present the refresh token for the first time
	Replay     Action = "replay"      // present it again, inside the leeway of its first spend
	// Probe: present it although it may be dead, when only that can tell and nothing is left to
	// lose.
	Probe Action = "probe"
)

// What is reported only.
const (
	Rotated   Action = "rotated"   // a new pair was received and saved
	Replayed  Action = "replayed"  // the same, by presenting a token in doubt again
	Postponed Action = "postponed" // the tick's time was up before the connection was served
	// Restored: somebody wrote over REFRESH_TOKEN, and not with a newer token. The family goes on,
	// and the copy is published again.
	Restored Action = "restored"
)

// Presents reports whether the action presents a refresh token.
func (a Action) Presents() bool { return a == Rotate || a == Replay || a == Probe }

// Healthy reports whether a tick that ended so calls for nobody's attention.
func (a Action) Healthy() bool {
	switch a {
	case Idle, Rotated, Replayed, Restored, AwaitingConsent, Contended:
		return true
	}
	return false
}

// Unfinished reports whether another tick some seconds later may achieve more. Then, too, a
// person may have put a parameter right.
func (a Action) Unfinished() bool {
	return a == Contended || a == InDoubt || a == Failed || a == Misconfigured
}
