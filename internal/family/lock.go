package family

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// lockPrefix begins the value of every lock, psoxy's and ours.
const lockPrefix = "locked_"

// Intent is the write-ahead record in our locks: what the owner is about to do.
type Intent struct {
	// Owner is unique to one taking of the lock: "<process>/<n>".
	Owner string `json:"owner"`
	// Spending is the refresh token about to be presented.
	Spending Fingerprint `json:"spending,omitempty"`
	// Version is the version of REFRESH_TOKEN that held Spending: what was
	// written later came after the decision to spend it.
	Version int64 `json:"version,omitempty"`
	// Successor is the token that Spending was spent for, from just before it is
	// saved: it tells ours from what a person wrote at the same time.
	Successor Fingerprint `json:"successor,omitempty"`
	// FirstSpend is when Spending was, or may have been, presented first. It
	// survives every take-over of the lock.
	FirstSpend time.Time `json:"first_spend,omitzero"`
	// Attempt is when Spending was last, or may have been, presented: it opens a
	// leeway of its own where no earlier request arrived.
	Attempt time.Time `json:"attempt,omitzero"`
	// Consent: a consent is under way. A refresh token that TOKEN_FAMILY does not
	// know is then a new family's.
	Consent bool `json:"consent,omitempty"`
}

// Lock is the lock parameter as it was read.
type Lock struct {
	// At is the time in the value; zero if it holds none.
	At time.Time
	// Intent is nil in a lock that psoxy or something else left.
	Intent *Intent
	// Raw is the whole value, Version and Modified are the store's.
	Raw      atlassian.Secret
	Version  int64
	Modified time.Time
}

// EncodeLock gives the value of a lock taken at the given time: psoxy's own
// form, followed by our intent.
func EncodeLock(at time.Time, in Intent) atlassian.Secret {
	in.FirstSpend, in.Attempt = stamp(in.FirstSpend), stamp(in.Attempt)
	// Nothing in an Intent can fail to encode.
	b, err := json.Marshal(in)
	if err != nil {
		panic("family: " + err.Error())
	}
	return atlassian.NewSecret(lockPrefix + strconv.FormatInt(at.UnixMilli(), 10) + " " + string(b))
}

// ParseLock reads a lock. Whatever the value is, it is a lock: one that cannot
// be read is somebody else's, as old as the store says.
func ParseLock(e store.Entry) Lock {
	l := Lock{Raw: e.Value, Version: e.Version, Modified: e.Modified}
	rest, ok := strings.CutPrefix(strings.TrimSpace(e.Value.Reveal()), lockPrefix)
	if !ok {
		return l
	}
	millis, intent, _ := strings.Cut(rest, " ")
	if ms, err := strconv.ParseInt(millis, 10, 64); err == nil && plausible(time.UnixMilli(ms)) {
		l.At = time.UnixMilli(ms).UTC()
	}
	var in Intent
	if json.Unmarshal([]byte(intent), &in) == nil && in.Owner != "" && in.plausible() {
		l.Intent = &in
	}
	return l
}

func (in Intent) plausible() bool {
	return (in.FirstSpend.IsZero() || plausible(in.FirstSpend)) && (in.Attempt.IsZero() || plausible(in.Attempt))
}

// plausible keeps what is no time of ours out of the arithmetic, and out of what
// is written back: JSON has no form for a year beyond 9999.
func plausible(t time.Time) bool { return t.Year() >= 2000 && t.Year() < 3000 }

// taken is when the lock was last written, by the younger of its two clocks.
func (l Lock) taken() time.Time {
	if l.At.After(l.Modified) {
		return l.At
	}
	return l.Modified
}

// fresh reports whether the lock must be respected. A lock from the future
// means that a clock jumped, and waiting for it could take for ever: it counts
// as stale, and taking it over shows how old it really is.
func (l Lock) fresh(now time.Time) bool {
	age := now.Sub(l.taken())
	return age >= -ClockTolerance && age < LockStale
}

// spends are when the token that the intent names was, or may have been,
// presented first and last. Where the lock was written for the first time, the
// store's clock has noted it too, and corrects a process whose clock was wrong.
func (l Lock) spends() (first, last time.Time) {
	first, last = l.Intent.FirstSpend, later(l.Intent.FirstSpend, l.Intent.Attempt)
	after := l.Modified.Sub(first)
	if last.Equal(first) && (after < 0 || after > ClockTolerance) {
		return l.Modified, l.Modified
	}
	if paused := l.Modified.Sub(last); l.Intent.Successor == "" && paused > 0 && paused < LockStale {
		last = l.Modified // the request came after the lock, however long that took
	}
	return first, last
}

// OwnedBy reports whether the given process took the lock.
func (l Lock) OwnedBy(process string) bool {
	return l.Intent != nil && process != "" && strings.HasPrefix(l.Intent.Owner, process+"/")
}
