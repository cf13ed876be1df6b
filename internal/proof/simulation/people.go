package simulation

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// people are persons who write to the parameters by hand, and programs other than
// ours. No fault strikes what they do.
type people struct{ *world }

// do carries out a fault that is an act of theirs. It reports whether it is one.
func (w people) do(f Fault) bool {
	switch f.Kind {
	case Consent:
		w.fillIn(f.N)
	case Authorize:
		w.authorize(f.N)
	case Older:
		w.putOlder(f.N)
	case Terraform:
		w.terraform(f)
	case Damaged:
		w.spoil(slotRefresh, func(v atlassian.Secret) atlassian.Secret { return damaged(v, f.N) }, f.For)
	case Placeholder:
		i := copies[f.N&0xf%uint64(len(copies))]
		w.spoil(i, func(atlassian.Secret) atlassian.Secret { return placeholder(f.N >> 4) }, f.For)
	case Backup:
		w.restore(f.N)
	case Deleted:
		w.deleteCopies(f.N)
	case LedgerDeleted:
		w.remove(slotLedger)
	default:
		return false
	}
	return true
}

// fillIn is a person who puts a consent's tokens in by hand. Bit 0 of n: deletes
// TOKEN_FAMILY first; bit 1: the access token first; bits 2 and 3: the pause in
// between; bit 4: the refresh token is damaged at first.
func (w people) fillIn(n uint64) {
	if n&1 != 0 {
		w.remove(slotFamily)
	}
	tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	if err != nil {
		return // as long as the account is deactivated nobody can consent with it
	}
	access := tokens.Access
	if w.settings.Shared && n&32 != 0 {
		access = atlassian.NewSecret(`{"token":"` + access.Reveal() + `","expirationDate":` + millis(w.now.Add(tokens.ExpiresIn)) + `}`)
	}
	steps := []func(){
		func() { w.put(slotRefresh, tokens.Refresh) },
		func() { w.put(slotAccess, access) },
	}
	if n&2 != 0 {
		steps[0], steps[1] = steps[1], steps[0]
	}
	if n&16 != 0 {
		w.put(slotRefresh, damaged(tokens.Refresh, n>>6))
		w.in(3*time.Minute, func() { w.put(slotRefresh, tokens.Refresh) })
	}
	steps[0]()
	w.after([...]time.Duration{0, 50 * time.Millisecond, 20 * time.Second, 7 * time.Minute}[n>>2&3], steps[1])
}

// generationsBack are how far back an older token is taken from.
var generationsBack = [...]int{1, 2, 3, 6, 7, 20, 110, 205}

// putOlder writes back a refresh token of some generations ago, or the first of
// all. Bit 0 of n: TOKEN_FAMILY is put back too; bit 1: and ACCESS_TOKEN; the next
// three select how far back.
func (w people) putOlder(n uint64) {
	if len(w.issued) == 0 {
		return
	}
	back := generationsBack[n>>2&7]
	if n>>5&7 == 7 {
		back = len(w.issued)
	}
	older := w.issued[max(0, len(w.issued)-1-back)]
	at := w.firstSeen(older)
	for bit, i := range []slotIndex{slotFamily, slotAccess} {
		if n&(1<<bit) == 0 {
			continue
		}
		if v, ok := w.asOf(i, at.Add(w.every)); ok {
			w.put(i, v)
		}
	}
	w.put(slotRefresh, older)
}

// firstSeen is when REFRESH_TOKEN had a value first, as far as its history tells.
func (w people) firstSeen(value atlassian.Secret) time.Time {
	for _, e := range w.history(slotRefresh) {
		if e.Value == value {
			return e.Modified
		}
	}
	return birth
}

// spoil replaces a value, and puts the earlier one back later, or never.
func (w people) spoil(i slotIndex, spoilt func(atlassian.Secret) atlassian.Secret, later time.Duration) {
	was := w.slots[i].entry
	if was.Version == 0 {
		return
	}
	w.put(i, spoilt(was.Value))
	if later > 0 {
		w.in(later, func() { w.put(i, was.Value) })
	}
}

// deleteCopies deletes the copies that the bits of n select, or REFRESH_TOKEN.
func (w people) deleteCopies(n uint64) {
	if n&7 == 0 {
		n = 1
	}
	for bit, i := range copies {
		if n&(1<<bit) != 0 {
			w.remove(i)
		}
	}
	if n&8 != 0 {
		w.remove(slotCloudID)
	}
}

// terraform plans now and applies later: what the plan read is written back. N
// selects the parameter.
func (w people) terraform(f Fault) {
	i := copies[f.N%uint64(len(copies))]
	was := w.slots[i].entry
	if was.Version == 0 {
		return
	}
	w.in(f.For, func() { w.put(i, was.Value) })
}

// backupAges are how old a restored backup is.
var backupAges = [...]time.Duration{time.Minute, 3 * time.Minute, 36 * time.Minute, 2 * time.Hour, 26 * time.Hour, 400 * 24 * time.Hour}

// restore writes every parameter as it was some time ago, in any order and with
// pauses. Bits 0 to 2 of n select the age, bit 3 the pauses, the rest the order.
// A client secret that does not work any more is corrected after ten minutes.
func (w people) restore(n uint64) {
	order := []slotIndex{slotRefresh, slotAccess, slotFamily, slotLedger, slotClientID, slotClientSecret, slotCloudID}
	at := w.now.Add(-backupAges[n&7%uint64(len(backupAges))])
	pause := time.Duration(n>>3&1) * 20 * time.Second
	rest := n >> 4
	for k := time.Duration(0); len(order) > 0; k++ {
		pick := int(rest % uint64(len(order)))
		rest /= uint64(len(order))
		i := order[pick]
		order = append(order[:pick], order[pick+1:]...)
		value, ok := w.asOf(i, at)
		if !ok {
			if oldest := w.history(i); len(oldest) > 0 && n&7 >= 5 {
				value, ok = oldest[0].Value, true
			}
		}
		if ok {
			w.after(k*pause, func() { w.putBack(i, value) })
		}
	}
}

func (w people) putBack(i slotIndex, value atlassian.Secret) {
	w.put(i, value)
	if i == slotClientSecret && value != w.secret {
		w.trouble(secretWrong, 10*time.Minute, func() { w.put(slotClientSecret, w.secret) })
	}
}
