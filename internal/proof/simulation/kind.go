package simulation

import "strconv"

// Kind is what a [Fault] does.
type Kind uint8

// The kinds of fault. "Before" and "after" are the two sides of an operation's
// effect: an error after it means that it took effect and its answer was lost.
const (
	CrashBefore Kind = iota + 1
	CrashAfter
	ErrorBefore
	ErrorAfter
	// Throttle: the store refuses, or Atlassian answers 429; Fault.N selects its
	// Retry-After.
	Throttle
	// TooMany: the store answers a put with TooManyUpdates, and writes nothing.
	TooMany
	// Repeat: the client library sends a write twice, and gives the second answer.
	Repeat
	PauseBefore
	PauseAfter
	// Stale: for half of Fault.For, reads show the store as it was half of
	// Fault.For before. Bit i of Fault.N selects the i-th parameter; 0 all.
	Stale
	// SharedCreate: for 30 s, a create of a name that was deleted less than
	// 30 s ago is not exclusive.
	SharedCreate
	// Unreached: a token request does not leave the machine.
	Unreached
	// OmitBefore and OmitAfter: the answer holds no refresh token, and the
	// server did not rotate, or did. With an odd Fault.N it is the access token
	// that OmitAfter leaves out.
	OmitBefore
	OmitAfter
	// FalseRefusal: the token endpoint refuses a good token. With an odd Fault.N it has
	// rotated before. The exhaustive search tries that; random plans do not draw it, because a
	// keeper cannot tell it from a refusal after which the token may rest. Unreadable: it answers that it cannot read the request.
	FalseRefusal
	Unreadable
	// ClockForward and ClockBack: for Fault.For, the clocks of the processes are
	// wrong from their next invocation on, each by a part of an hour of its own.
	ClockForward
	ClockBack
	// Again: the same event once more, as soon as this tick is over. Late: the
	// event once more, Fault.For later.
	Again
	Late
	// Concurrent: another keeper process ticks at the same time; Fault.N is how
	// the two take turns.
	Concurrent
	// Recycled: the platform starts a new process for the next tick.
	Recycled
	// NoTicks: the platform invokes nobody for Fault.For.
	NoTicks
	// Consent: a person consents and fills the parameters in by hand; Fault.N
	// selects the order, the pauses, whether TOKEN_FAMILY is deleted, and whether
	// the refresh token is damaged at first.
	Consent
	// Authorize: a person consents with tokenkeeper; Fault.N is how the two take
	// turns, and its lowest bit that it runs as a Lambda function.
	Authorize
	// Psoxy: psoxy rotates with its own habits; Fault.N is how it takes turns, and
	// its lowest bits which container does.
	Psoxy
	// Older: somebody writes an older refresh token back; Fault.N selects which,
	// and whether TOKEN_FAMILY is put back with it.
	Older
	// Terraform: an apply writes back, Fault.For after its plan, what the plan read.
	Terraform
	// Damaged: a person replaces the refresh token by a damaged form of itself, and
	// corrects that Fault.For later, or never where that is 0.
	Damaged
	// Placeholder: a person replaces a copy by a placeholder, and puts the earlier
	// value back Fault.For later, or never.
	Placeholder
	// Backup: every parameter is written as it was some time ago.
	Backup
	// Deleted: somebody deletes copies. LedgerDeleted: the ledger.
	Deleted
	LedgerDeleted
	// Labelled: a label on the oldest version keeps one name from being written,
	// for Fault.For.
	Labelled
	// Denied: one name cannot be read, written or both for Fault.For.
	Denied
	StoreOutage
	// KeyOutage: the encryption key denies writing secrets, and with an even
	// Fault.N reading them too.
	KeyOutage
	// The token endpoint fails for Fault.For: before it commits, after it, nobody
	// listens, or it refuses whatever it is shown.
	AtlassianBefore
	AtlassianAfter
	AtlassianRefuses
	AtlassianDenies
	Revoked
	PasswordChanged
	// Deactivated: the account, for Fault.For.
	Deactivated
	// SecretRotated: the app's secret, and a person fills it in Fault.For later.
	SecretRotated
	kindEnd
)

var kindNames = [kindEnd]string{
	CrashBefore: "crash-before", CrashAfter: "crash-after", ErrorBefore: "error-before", ErrorAfter: "error-after",
	Throttle: "throttle", TooMany: "too-many-updates", Repeat: "repeat", PauseBefore: "pause-before", PauseAfter: "pause-after",
	Stale: "stale", SharedCreate: "shared-create", Unreached: "unreached", OmitBefore: "omit-before", OmitAfter: "omit-after",
	FalseRefusal: "false-refusal", Unreadable: "unreadable",
	ClockForward: "clock-forward", ClockBack: "clock-back", Again: "again", Late: "late", Concurrent: "concurrent",
	Recycled: "recycled", NoTicks: "no-ticks", Consent: "consent", Authorize: "authorize", Psoxy: "psoxy",
	Older: "older", Terraform: "terraform", Damaged: "damaged", Placeholder: "placeholder", Backup: "backup",
	Deleted: "deleted", LedgerDeleted: "ledger-deleted", Labelled: "labelled", Denied: "denied",
	StoreOutage: "store-outage", KeyOutage: "key-outage",
	AtlassianBefore: "atlassian-before", AtlassianAfter: "atlassian-after", AtlassianRefuses: "atlassian-unreachable",
	AtlassianDenies: "atlassian-denies", Revoked: "revoked", PasswordChanged: "password-changed",
	Deactivated: "deactivated", SecretRotated: "secret-rotated",
}

// String returns the kind's name in schedules and reports.
func (k Kind) String() string {
	if k == 0 || k >= kindEnd {
		return "kind " + strconv.Itoa(int(k))
	}
	return kindNames[k]
}

// operation is a kind of step at which a fault can strike.
type operation uint8

const (
	opClock operation = iota
	opRead
	opHistory
	opCreate
	opWrite
	opDelete
	opPost
	opConsent
	opSleep
	opPublish
)

var operationNames = [...]string{"clock", "read", "history", "create", "write", "delete", "post", "consent", "sleep", "publish"}

type operations uint16

func set(ops ...operation) operations {
	var s operations
	for _, o := range ops {
		s |= 1 << o
	}
	return s
}

var (
	onReads  = set(opRead, opHistory)
	onWrites = set(opCreate, opWrite, opDelete)
	// onCalls are the steps that reach out of the process. What a fault does to
	// the world before any other step it can as well do before the next call.
	onCalls = onReads | onWrites | set(opPost, opConsent, opPublish)
)

// strikes are the operations that a kind can strike; the rest is onCalls.
var strikes = [kindEnd]operations{
	CrashBefore: onCalls | set(opSleep), ErrorBefore: onCalls, ErrorAfter: onCalls &^ onReads,
	Throttle: onCalls, TooMany: set(opWrite), Repeat: onWrites,
	PauseBefore: onCalls | set(opClock, opSleep), PauseAfter: onCalls,
	Stale: onReads, SharedCreate: set(opCreate),
	Unreached: set(opPost), OmitBefore: set(opPost), OmitAfter: set(opPost), FalseRefusal: set(opPost), Unreadable: set(opPost),
}

func (k Kind) strikes(o operation) bool {
	s := strikes[k]
	if s == 0 {
		s = onCalls
	}
	return s&(1<<o) != 0
}

// lasts reports whether Fault.For matters to the kind.
func (k Kind) lasts() bool {
	switch k {
	case PauseBefore, PauseAfter, Stale, ClockForward, ClockBack, Late, NoTicks, Terraform, Damaged, Placeholder,
		Labelled, Denied, StoreOutage, KeyOutage,
		AtlassianBefore, AtlassianAfter, AtlassianRefuses, AtlassianDenies, Deactivated, SecretRotated:
		return true
	}
	return false
}

// sharedOnly reports whether the kind happens only where psoxy rotates too.
func (k Kind) sharedOnly() bool { return k == Psoxy || k == SharedCreate }

// single reports whether the kind strikes one operation, and not the world.
func (k Kind) single() bool {
	switch k {
	case CrashBefore, CrashAfter, ErrorBefore, ErrorAfter, Throttle, TooMany, Repeat, PauseBefore, PauseAfter,
		Unreached, OmitBefore, OmitAfter, FalseRefusal, Unreadable:
		return true
	}
	return false
}
