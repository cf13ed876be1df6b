package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// A rotation that spent refresh-7 was interrupted; tokens have no chain claim,
// so that only the lock tells which is ours.
func TestReconciled(t *testing.T) {
	spent := store.Entry{Value: secret("refresh-7"), Version: 4, Modified: now.Add(-time.Hour)}
	ours := store.Entry{Value: secret("refresh-8"), Version: 5, Modified: now.Add(-10 * time.Minute)}
	theirs := store.Entry{Value: secret("consent"), Version: 5, Modified: now.Add(-9 * time.Minute)}
	at := func(e store.Entry, version int64) store.Entry { e.Version = version; return e }
	for _, c := range []struct {
		name    string
		history []store.Entry
		top     string
		born    time.Time
	}{
		{"our successor", []store.Entry{spent, ours}, "refresh-8", record().AuthorizedAt},
		{"our successor, written twice", []store.Entry{spent, ours, at(ours, 6)}, "refresh-8", record().AuthorizedAt},
		{"a consent", []store.Entry{spent, theirs}, "consent", theirs.Modified},
		{"a consent over our successor", []store.Entry{spent, ours, at(theirs, 6)}, "consent", theirs.Modified},
		{"our successor over a consent", []store.Entry{spent, theirs, at(ours, 6)}, "consent", theirs.Modified},
		{"an older token over our successor", []store.Entry{spent, ours, {Value: secret("refresh-6"), Version: 6, Modified: now}}, "refresh-8", record().AuthorizedAt},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := healthy()
			newest := c.history[len(c.history)-1]
			p[names.RefreshToken] = newest
			p.lock(now.Add(-10*time.Minute), family.Intent{Owner: "dead/1", Spending: fp("refresh-7"), Successor: fp("refresh-8"), Version: 4, FirstSpend: now.Add(-10 * time.Minute)})
			top, r := family.NewSnapshot(conn, p).Reconciled(c.history, family.DefaultPolicy())
			require.Equal(t, c.top, top.Value.Reveal())
			require.Equal(t, fp(c.top), r.Refresh)
			require.Equal(t, c.born, r.AuthorizedAt)
		})
	}
}

// A consent took the lock over a token that was filled in by hand, and died
// before it wrote anything: that token begins a family, whose record is whole.
func TestReconciledWithoutAWrite(t *testing.T) {
	pasted := store.Entry{Value: secret("pasted"), Version: 5, Modified: now.Add(-9 * time.Minute)}
	p := healthy()
	p[names.RefreshToken] = pasted
	p.lock(now.Add(-8*time.Minute), family.Intent{Owner: "dead/1", Consent: true, Version: pasted.Version})
	top, r := family.NewSnapshot(conn, p).Reconciled([]store.Entry{pasted}, family.DefaultPolicy())
	require.Zero(t, top)
	require.Equal(t, fp("pasted"), r.Refresh)
	require.Equal(t, pasted.Modified, r.AuthorizedAt)
	_, err := family.ParseRecord(r.Encode().Reveal(), conn)
	require.NoError(t, err)
}

// A consent read a version of REFRESH_TOKEN before the newest, wrote its own and
// died. What lies between is the family that it replaces, and no person's token.
func TestReconciledAfterAStaleRead(t *testing.T) {
	replaced := store.Entry{Value: secret("refresh-7"), Version: 4, Modified: now.Add(-time.Hour)}
	consent := store.Entry{Value: secret("consent"), Version: 5, Modified: now.Add(-5 * time.Minute)}
	p := healthy()
	p[names.RefreshToken] = consent
	p.lock(now.Add(-5*time.Minute), family.Intent{Owner: "dead/1", Consent: true, Version: 3, Successor: fp("consent")})
	top, r := family.NewSnapshot(conn, p).Reconciled([]store.Entry{replaced, consent}, family.DefaultPolicy())
	require.Equal(t, consent, top)
	require.Equal(t, fp("consent"), r.Refresh)
	require.Equal(t, consent.Modified, r.AuthorizedAt, "it begins a family")
}

// Another keeper spent the same token and saved all it received, before this one
// saved its refresh token and died. Both are of one family, and what was received
// last belongs on top.
func TestReconciledWithARival(t *testing.T) {
	spent := store.Entry{Value: secret("refresh-7"), Version: 4, Modified: now.Add(-time.Hour)}
	rival := store.Entry{Value: secret("rival-8"), Version: 5, Modified: now.Add(-6 * time.Minute)}
	ours := store.Entry{Value: secret("refresh-8"), Version: 6, Modified: now.Add(-5 * time.Minute)}
	saved := record()
	saved.Previous = append([]family.Fingerprint{fp("refresh-7")}, saved.Previous...)
	saved.Refresh, saved.Generation, saved.RotatedAt = fp("rival-8"), saved.Generation+1, now.Add(-6*time.Minute)
	for name, c := range map[string]struct {
		attempt time.Time
		top     store.Entry
	}{
		"ours came last":      {saved.RotatedAt.Add(time.Second), ours},
		"the rival came last": {saved.RotatedAt.Add(-time.Second), rival},
	} {
		t.Run(name, func(t *testing.T) {
			p := healthy()
			p[names.RefreshToken] = ours
			p[names.Family] = store.Entry{Value: saved.Encode(), Version: 9}
			p.lock(c.attempt, family.Intent{Owner: "dead/1", Spending: fp("refresh-7"), Successor: fp("refresh-8"), Version: 4, FirstSpend: c.attempt, Attempt: c.attempt})
			top, r := family.NewSnapshot(conn, p).Reconciled([]store.Entry{spent, rival, ours}, family.DefaultPolicy())
			require.Equal(t, c.top.Version, top.Version)
			require.Equal(t, family.FingerprintOf(c.top.Value), r.Refresh)
			require.Equal(t, record().AuthorizedAt, r.AuthorizedAt, "the countdown goes on")
			require.Equal(t, saved.Generation, r.Generation)
		})
	}
}

// A consent was saved while a rotation of the family before it was under way,
// which then wrote its token over it and died. TOKEN_FAMILY lists the tokens that
// the consent replaced, and is of another family all the same.
func TestReconciledUnderAConsentThatWasSaved(t *testing.T) {
	spent := store.Entry{Value: secret("refresh-7"), Version: 4, Modified: now.Add(-time.Hour)}
	consent := store.Entry{Value: secret("consent"), Version: 5, Modified: now.Add(-5 * time.Minute)}
	ours := store.Entry{Value: secret("refresh-8"), Version: 6, Modified: now.Add(-5 * time.Minute)}
	replaced := record()
	saved := family.Consented(conn, family.Pair{Refresh: consent.Value, Access: secret("access")}, now.Add(-6*time.Minute), family.DefaultPolicy(), &replaced)
	require.Contains(t, saved.Previous, fp("refresh-7"))
	p := healthy()
	p[names.RefreshToken] = ours
	p[names.Family] = store.Entry{Value: saved.Encode(), Version: 9}
	p.lock(now.Add(-5*time.Minute), family.Intent{Owner: "dead/1", Spending: fp("refresh-7"), Successor: fp("refresh-8"), Version: 4, FirstSpend: now.Add(-5 * time.Minute), Attempt: now.Add(-5 * time.Minute)})
	top, r := family.NewSnapshot(conn, p).Reconciled([]store.Entry{spent, consent, ours}, family.DefaultPolicy())
	require.Equal(t, consent.Version, top.Version)
	require.Equal(t, fp("consent"), r.Refresh)
	require.Equal(t, saved.AuthorizedAt, r.AuthorizedAt)
}
