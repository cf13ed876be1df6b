package simulation

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what a [Fault] does.
type Kind uint8

// The kinds of fault. "Before" and "after" are the two sides of an operation's
// effect: an error after it means that it took effect and its answer was lost.
const (
	CrashBefore Kind = iota + 1
	CrashAfter
	ErrorBefore
	ErrorAfter
	// Throttle: the store refuses, or Atlassian answers 429; an odd Fault.N
	// adds Retry-After of a minute.
	Throttle
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
	// server did not rotate, or did.
	OmitBefore
	OmitAfter
	// ClockForward and ClockBack: the keepers' clocks are wrong for Fault.For,
	// by a part of an hour that Fault.N selects.
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
	// NoTicks: the scheduler is down for Fault.For.
	NoTicks
	// Consent: a person consents and fills the parameters in by hand; Fault.N
	// selects the order, the pauses and whether TOKEN_FAMILY is deleted.
	Consent
	// Authorize: a person consents with tokenkeeper, under the lock; Fault.N is how
	// the two take turns, and its lowest bit that it runs as a Lambda function.
	Authorize
	// Psoxy: psoxy rotates with its own habits; Fault.N is how it takes turns.
	Psoxy
	StoreOutage
	// KeyOutage: the encryption key denies writing secrets, and with an even
	// Fault.N reading them too.
	KeyOutage
	// The token endpoint fails for Fault.For: before it commits, after it, or
	// nobody listens.
	AtlassianBefore
	AtlassianAfter
	AtlassianRefuses
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
	Throttle: "throttle", Repeat: "repeat", PauseBefore: "pause-before", PauseAfter: "pause-after",
	Stale: "stale", SharedCreate: "shared-create", Unreached: "unreached", OmitBefore: "omit-before", OmitAfter: "omit-after",
	ClockForward: "clock-forward", ClockBack: "clock-back", Again: "again", Late: "late", Concurrent: "concurrent",
	Recycled: "recycled", NoTicks: "no-ticks", Consent: "consent", Authorize: "authorize", Psoxy: "psoxy", StoreOutage: "store-outage",
	KeyOutage: "key-outage", AtlassianBefore: "atlassian-before", AtlassianAfter: "atlassian-after",
	AtlassianRefuses: "atlassian-refuses", Revoked: "revoked", PasswordChanged: "password-changed",
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
	Throttle: onCalls, Repeat: onWrites,
	PauseBefore: onCalls | set(opClock, opSleep), PauseAfter: onCalls,
	Stale: onReads, SharedCreate: set(opCreate),
	Unreached: set(opPost), OmitBefore: set(opPost), OmitAfter: set(opPost),
	ClockForward: onCalls | set(opClock), ClockBack: onCalls | set(opClock),
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
	case PauseBefore, PauseAfter, Stale, ClockForward, ClockBack, Late, NoTicks, StoreOutage, KeyOutage,
		AtlassianBefore, AtlassianAfter, AtlassianRefuses, Deactivated, SecretRotated:
		return true
	}
	return false
}

// Fault is something that goes wrong, or comes in between.
type Fault struct {
	// At is the operation it strikes, counted over the run from 0; if the kind
	// cannot strike that one, the next that it can.
	At   int
	Kind Kind
	// For is how long it lasts, where that matters.
	For time.Duration
	// N selects among the variants of the kind.
	N uint64
}

// String writes a fault as ParseSchedule reads it, such as
// "store-outage@12/3m0s" or "concurrent@7#2a".
func (f Fault) String() string {
	s := f.Kind.String() + "@" + strconv.Itoa(f.At)
	if f.For != 0 {
		s += "/" + f.For.String()
	}
	if f.N != 0 {
		s += "#" + strconv.FormatUint(f.N, 16)
	}
	return s
}

// Schedule is the faults of one run, in the order in which they strike.
type Schedule []Fault

// String writes a schedule as ParseSchedule reads it.
func (s Schedule) String() string {
	parts := make([]string, len(s))
	for i, f := range s {
		parts[i] = f.String()
	}
	return strings.Join(parts, " ")
}

func (s Schedule) sorted() Schedule {
	s = slices.Clone(s)
	slices.SortStableFunc(s, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return s
}

// ParseSchedule reads what Schedule.String writes: faults with spaces between
// them, each KIND@OPERATION, /DURATION where it lasts, and #HEX for its variant.
func ParseSchedule(text string) (Schedule, error) {
	var s Schedule
	for _, field := range strings.Fields(text) {
		rest, variant, hasVariant := strings.Cut(field, "#")
		rest, duration, hasDuration := strings.Cut(rest, "/")
		name, at, _ := strings.Cut(rest, "@")
		var f Fault
		k := slices.Index(kindNames[:], name)
		if k < 1 {
			return nil, fmt.Errorf("fault %q: there is no kind %q; expected KIND@OPERATION, the kind one of %s", field, name, strings.Join(kindNames[1:], ", "))
		}
		f.Kind = Kind(k)
		var err error
		if f.At, err = strconv.Atoi(at); err != nil || f.At < 0 {
			return nil, fmt.Errorf("fault %q: %q is no operation; expected a number from 0, such as %s@12", field, at, name)
		}
		if hasDuration {
			if f.For, err = time.ParseDuration(duration); err != nil || f.For < 0 {
				return nil, fmt.Errorf("fault %q: %q is no duration; expected one such as 90s or 5m", field, duration)
			}
		}
		if hasVariant {
			if f.N, err = strconv.ParseUint(variant, 16, 64); err != nil {
				return nil, fmt.Errorf("fault %q: %q is no variant; expected a hexadecimal number", field, variant)
			}
		}
		s = append(s, f)
	}
	return s.sorted(), nil
}
