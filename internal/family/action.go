package family

// Action is what a tick does about a connection, as it is decided and as it is reported.
type Action string

// What is decided where no token is presented, and reported.
const (
	// Idle: nothing is due.
	Idle Action = "idle"
	// AwaitingConsent: there is no refresh token yet.
	AwaitingConsent Action = "awaiting_consent"
	// Misconfigured: a person has to put something right; the family is kept.
	Misconfigured Action = "misconfigured"
	// Contended: another process works on the connection.
	Contended Action = "contended"
	// Refused: Atlassian refused the refresh token; the family is lost.
	Refused Action = "refused"
	// InDoubt: the refresh token may be spent, and its successor is not known.
	InDoubt Action = "in_doubt"
	// Failed: the rotation did not happen, or not all of it was saved. An attempt now would only
	// repeat the last one.
	Failed Action = "failed"
)

// What is decided, and carried out.
const (
	// SettleHeld: put a received pair into the ledger.
	SettleHeld Action = "settle_held"
	// Adopt: begin the ledger with the refresh token that the parameters hold.
	Adopt Action = "adopt"
	// Rotate: present the refresh token for the first time.
	Rotate Action = "rotate"
	// Replay: present it again, inside the leeway of its first spend.
	Replay Action = "replay"
	// Probe: present it although it may be dead, when only that can tell and
	// nothing is left to lose.
	Probe Action = "probe"
)

// What is reported only.
const (
	// Rotated: a new pair was received and saved.
	Rotated Action = "rotated"
	// Replayed: a pair was received and saved by presenting a token in doubt again.
	Replayed Action = "replayed"
	// Restored: somebody wrote over REFRESH_TOKEN, and not with a newer token. The family goes
	// on, and the copy is published again.
	Restored Action = "restored"
	// Postponed: the tick's time was up before the connection was served.
	Postponed Action = "postponed"
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
