package simulation

import "time"

// outages are the kinds of fault that are nothing but a trouble of the world.
var outages = map[Kind]trouble{
	StoreOutage: storeDown, AtlassianBefore: atlassianFailsBefore, AtlassianAfter: atlassianFailsAfter,
	AtlassianRefuses: atlassianUnreachable, AtlassianDenies: atlassianDenies,
}

// happen is a fault that strikes the world rather than one operation.
func (w *world) happen(f Fault) {
	switch f.Kind {
	case Stale:
		w.goStale(f.For, f.N)
	case SharedCreate:
		w.shared = w.now.Add(30 * time.Second)
	case ClockForward, ClockBack:
		w.clocks = clocks{until: w.now.Add(f.For), back: f.Kind == ClockBack, n: f.N}
		w.in(f.For, func() {})
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
	case Psoxy:
		w.psoxy(f.N)
	case KeyOutage:
		w.keyReads = f.N&1 != 0
		w.trouble(keyDown, f.For, nil)
	case Labelled:
		w.label(f)
	case Denied:
		w.deny(f)
	default:
		if outage, is := outages[f.Kind]; is {
			w.trouble(outage, f.For, nil)
		} else if !(people{w}).do(f) {
			w.ownerDoes(f)
		}
	}
}

// label puts a label on the oldest version of one name until somebody removes it.
func (w *world) label(f Fault) {
	i := [...]slotIndex{slotLedger, slotRefresh, slotAccess, slotFamily}[f.N&3]
	until := w.now.Add(f.For)
	w.slots[i].labelled = until
	w.in(f.For, func() {})
	if i == slotLedger {
		w.trouble(ledgerDenied, f.For, nil)
	}
}

// deny takes from the keepers, for one name, the right to read, to write, or both.
func (w *world) deny(f Fault) {
	i := [...]slotIndex{slotLedger, slotRefresh, slotAccess, slotFamily, slotClientSecret, slotLock, slotCloudID, slotClientID}[f.N&7]
	until := w.now.Add(f.For)
	how := f.N >> 3 % 3
	if how != 1 {
		w.slots[i].unreadable = until
	}
	if how != 0 {
		w.slots[i].unwritable = until
	}
	w.in(f.For, func() {})
	switch {
	case i == slotLedger:
		w.trouble(ledgerDenied, f.For, nil)
	case (i == slotClientSecret || i == slotClientID) && how != 1, i == slotLock && w.settings.Shared,
		i == slotFamily && how != 1 && w.slots[slotLedger].entry.Version == 0, // it alone tells the family's age
		i == slotRefresh && how != 1 && (w.settings.Shared || w.slots[slotLedger].entry.Version == 0 ||
			w.oracle.chain.of.consent != w.oracle.highest.consent): // it alone holds the newest token
		w.trouble(credentialsDenied, f.For, nil)
	}
}

// ownerDoes is what people do to the account or the app.
func (w *world) ownerDoes(f Fault) {
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
		w.trouble(secretWrong, f.For, func() { w.put(slotClientSecret, w.secret) })
	default:
		panic("simulation: nothing is known about " + f.Kind.String())
	}
}
