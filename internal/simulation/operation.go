package simulation

import (
	"fmt"
	"time"
)

// strike is how one operation is struck, beyond what begin does itself.
type strike struct {
	crashAfter, errorAfter, repeat bool
	pauseAfter                     time.Duration
	// post is how a token request goes wrong, and n the variant of it.
	post Kind
	n    uint64
}

// begin is called before every operation of every process. It counts it, lets
// others take their turns, and lets the faults strike that are due. An error
// means that the operation fails without effect.
func (w *world) begin(a *actor, o operation, name string) (h strike, err error) {
	if !w.armed {
		return h, nil
	}
	if a.turn != nil {
		a.turn(struct{}{})
	} else if len(w.others) > 0 && o != opClock {
		begun := w.now
		w.letOthers(false)
		a.stalled += w.now.Sub(begun) // this operation took as long as what the others did beside it
	}
	w.killIfLate(a)
	a.trouble |= w.down
	if w.trace != nil && o != opClock {
		w.trace(fmt.Sprintf("%d %s: %s %s", w.ops, a.name, operationNames[o], name))
	}
	n := w.ops
	w.ops++
	if w.record {
		w.steps = append(w.steps, o)
	}
	if len(w.faults) == 0 || w.faults[0].At > n {
		return h, nil
	}
	crash := false
	for len(w.faults) > 0 && w.faults[0].At <= n && w.faults[0].Kind.strikes(o) {
		f := w.faults[0]
		w.faults = w.faults[1:]
		w.struck[f.Kind]++
		w.busy = w.now
		if w.trace != nil {
			w.trace("  " + f.String() + " strikes " + operationNames[o])
		}
		switch f.Kind {
		case CrashBefore:
			crash = true
		case CrashAfter:
			h.crashAfter = true
		case ErrorBefore, Throttle:
			if o == opPost {
				h.post, h.n = f.Kind, f.N
			} else if f.Kind == Throttle {
				err = errThrottled
			} else {
				err = errNoAnswer
			}
		case ErrorAfter:
			if o == opPost {
				h.post, h.n = f.Kind, f.N
			}
			h.errorAfter = true
		case Unreached, OmitBefore, OmitAfter:
			h.post = f.Kind
		case Repeat:
			h.repeat = true
		case PauseBefore:
			w.stall(f.For)
			w.advance(f.For)
			w.killIfLate(a)
		case PauseAfter:
			w.stall(f.For)
			h.pauseAfter += f.For
		default:
			w.befall(f)
		}
	}
	if crash {
		panic(killedProcess{})
	}
	if err == nil && (h != strike{}) && a.turn == nil && len(w.others) > 0 {
		w.killIfLate(a)
	}
	return h, err
}

// stall notes that a pause takes time from all invocations under way: those that
// run beside cannot go on before it is over.
func (w *world) stall(d time.Duration) {
	for _, a := range append([]*actor{w.proc, w.spare}, w.others...) {
		if a != nil && a.busy {
			a.stalled += d
		}
	}
}

// end is called after every operation that took effect.
func (w *world) end(a *actor, h strike, err error) error {
	if h.pauseAfter > 0 {
		w.advance(h.pauseAfter)
	}
	w.killIfLate(a)
	if h.crashAfter {
		panic(killedProcess{})
	}
	if h.errorAfter && err == nil && h.post == 0 {
		return errNoAnswer
	}
	return err
}

// killIfLate is the platform that ends an invocation at its deadline.
func (w *world) killIfLate(a *actor) {
	if !a.deadline.IsZero() && !w.now.Before(a.deadline) {
		panic(killedProcess{})
	}
}

// befall is a fault that strikes the world rather than one operation.
func (w *world) befall(f Fault) {
	switch f.Kind {
	case Stale:
		w.stale = staleness{until: w.now.Add(f.For / 2), asOf: w.now.Add(-f.For / 2), mask: f.N}
	case SharedCreate:
		w.shared = w.now.Add(30 * time.Second)
	case ClockForward, ClockBack:
		w.skew = time.Duration(f.N%60+1) * time.Minute
		if f.Kind == ClockBack {
			w.skew = -w.skew
		}
		w.trouble(clockWrong, f.For, func() { w.skew = 0 })
	case Again:
		w.again++
	case Late:
		w.in(f.For, func() { w.again++ })
	case Concurrent:
		w.concurrent(f.N)
	case Recycled:
		w.recycle = true
	case NoTicks:
		w.noTicks = w.now.Add(f.For)
	case Consent:
		w.fillIn(f.N)
	case Authorize:
		w.authorize(f.N)
	case Psoxy:
		w.psoxy(f.N)
	case StoreOutage:
		w.trouble(storeDown, f.For, nil)
	case KeyOutage:
		if w.down&keyDown == 0 {
			w.keyDenies = w.now
		}
		w.keyReads = f.N&1 != 0
		w.trouble(keyDown, f.For, nil)
	case AtlassianBefore:
		w.trouble(atlassianFailsBefore, f.For, nil)
	case AtlassianAfter:
		w.trouble(atlassianFailsAfter, f.For, nil)
	case AtlassianRefuses:
		w.trouble(atlassianUnreachable, f.For, nil)
	default:
		w.befallGrant(f)
	}
}

// befallGrant is what people do to the account or the app.
func (w *world) befallGrant(f Fault) {
	must := func(err error) {
		if err != nil {
			panic("simulation: " + err.Error())
		}
	}
	account, client := w.fix.Account.ID, w.fix.App.ClientID
	switch f.Kind {
	case Revoked:
		// It refuses where an earlier fault has ended the grant: then nothing is left to revoke.
		_ = w.em.RevokeGrant(account, client)
	case PasswordChanged:
		must(w.em.ChangePassword(account))
	case Deactivated:
		must(w.em.Deactivate(account))
		w.trouble(accountOff, f.For, func() { must(w.em.Reactivate(account)) })
	case SecretRotated:
		secret, err := w.em.RotateClientSecret(client)
		must(err)
		w.secret = secret
		w.trouble(secretWrong, f.For, func() { w.put(slotClientSecret, w.secret, 1) })
	default:
		panic("simulation: nothing is known about " + f.Kind.String())
	}
}
