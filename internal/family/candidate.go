package family

import (
	"fmt"
	"slices"
	"time"
)

func candidate(v view) (Decision, bool) {
	c := v.choice.candidate
	if c.Version == 0 {
		return skip()
	}
	name := v.inboxName()
	if why := tooLong(c.Value); why != "" { // psoxy's: the own token may be spent
		return decide(Misconfigured, "version %d of %s: %s", c.Version, name, why)
	}
	d := Decision{Action: Rotate, Candidate: c, Reason: fmt.Sprintf("version %d of %s%s holds a token that is not known: Atlassian is asked", c.Version, name, writer(c.By))}
	if open(v.firstSpend(c), v.Now) {
		d.Action = Replay
		return d, true
	}
	if v.replaysFirst(c) {
		return skip()
	}
	kin := v.continues(c) // then the ledger's own token may be older
	if v.State.Inbox.pending(c.Version).Version > 0 || v.underLock(c) {
		if kin {
			return lateCandidate(v)
		}
		return skip()
	}
	if later, wait := v.waits(FingerprintOf(c.Value)); wait {
		return later, kin || v.superseded() || v.State.Record.Refused() || v.doubt.known && !v.doubt.replayable(v.Now) // or a probe of the own token could kill it
	}
	if own, first := v.ownFirst(c); first {
		return own, true
	}
	return d, true
}

// superseded reports whether one of the offers is the own token's successor, as far as is known.
func (v view) superseded() bool {
	return slices.ContainsFunc(v.Offers, func(f Field) bool { return v.presentable(f) && v.succeeds(f) })
}

// replaysFirst reports whether the ledger's own token in doubt comes before a stranger. The
// stranger may be an older token, and presenting it would kill what the replay saves.
func (v view) replaysFirst(c Field) bool {
	stranger := !v.succeeds(c) && !(v.continues(c) && v.perhapsPsoxys(c))
	return stranger && v.doubt.replayable(v.Now) && !v.State.Record.Refused()
}

func lateCandidate(v view) (Decision, bool) {
	c := v.choice.candidate
	if c.Version == 0 {
		return skip()
	}
	if v.secondLookIsDue() {
		return decide(InDoubt, "version %d of %s was presented and its answer was lost; one that may be its successor is asked about once more before", c.Version, v.inboxName())
	}
	if d, wait := v.waits(FingerprintOf(c.Value)); wait {
		return d, true
	}
	d, _ := decide(Probe, "version %d of %s was presented and its answer was lost: a probe tells whether it arrived", c.Version, v.inboxName())
	d.Candidate, d.Yields = c, !v.Shared()
	return d, true
}

// unanswered: the answer about a candidate was lost, and its leeway is open. It cannot be read
// any more, or was refused since and is asked about again. That cannot wait for the next tick.
func unanswered(v view) (Decision, bool) {
	lost := func(version int64, first time.Time, since string) (Decision, bool) {
		d, _ := decide(InDoubt, "version %d of %s was presented and its answer was lost%s", version, v.inboxName(), since)
		d.FirstSpend = first
		return d, true
	}
	for _, p := range v.State.Inbox.Pending {
		if open(p.First, v.Now) {
			return lost(p.Version, p.First, ", and it cannot be read")
		}
	}
	for _, r := range v.State.Inbox.Rejected {
		if open(r.First, v.Now) && !r.sibling(v.State.Record) {
			return lost(r.Version, r.First, "; Atlassian has refused it since, and is asked again within the leeway")
		}
	}
	return skip()
}

// ownFirst decides about the own token, which failed, before an older token is presented: the own
// one is tried once more. That need not wait for its turn if Atlassian could not read it and a
// person has stored the older one again.
func (v view) ownFirst(older Field) (Decision, bool) {
	own := v.State.Record
	failed := own.LastFailure
	if !own.Past.Has(FingerprintOf(older.Value)) || v.Now.Sub(failed.At) < secondLook/2 {
		return skip()
	}
	if d, wait := v.waits(own.Refresh); wait {
		return d, failed.Code != unreadable || !insists(failed, older)
	}
	return decide(Probe, "Atlassian refused this refresh token at %s; it is tried once more before the older one in version %d of %s", clock(failed.At), older.Version, v.inboxName())
}

// insists reports whether a person stored a token again since the own one failed.
func insists(failed *Failure, f Field) bool {
	return !f.Again.IsZero() && !f.Again.Before(failed.Since)
}

// Insisted reports whether the own token, which was adopted, has failed several times and never
// worked, and a person stored the one before again.
func Insisted(s Snapshot) bool {
	return disproven(s.State) && s.State.Record.LastFailure.Count >= malformedIsRefused && slices.ContainsFunc(s.Offers, func(f Field) bool {
		return insists(s.State.Record.LastFailure, f) && judge{s}.presentable(f)
	})
}

func writer(by string) string {
	if by == "" {
		return ""
	}
	return " by " + by
}
