package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Psoxy wrote what has its form, is younger than the own tokens, and lives longer. An older
// access token that a person put back does not.
func TestPsoxysWrites(t *testing.T) {
	own := record()
	at := func(ago time.Duration, value string) store.Entry {
		return store.Entry{Value: secret(value), Modified: now.Add(-ago)}
	}
	form := func(token string, left time.Duration) string {
		return psoxy.JSON.EncodeAccessToken(secret(token), now.Add(left)).Reveal()
	}
	require.Equal(t, []family.Field{{Modified: now.Add(-5 * minute), Until: now.Add(-3 * minute)}}, family.PsoxysWrites(own,
		at(11*minute, form("before ours", 55*minute)), at(9*minute, form(access(7), 50*minute)), at(5*minute, form("psoxy's", 55*minute)),
		at(3*minute, "a-person's"), at(2*minute, form(access(6), 46*minute-time.Second)), at(minute, "CHANGE_ME"), store.Entry{}))
}

// What psoxy stored is known by the access token that it wrote before, also where others
// have written over that: the history of ACCESS_TOKEN tells.
func TestWhatTheHistoryOfAccessTokenTells(t *testing.T) {
	psoxys := psoxy.JSON.EncodeAccessToken(secret(access(8)), now.Add(time.Hour)).Reveal()
	ours := psoxy.JSON.EncodeAccessToken(secret(access(7)), now.Add(50*minute)).Reveal()
	for _, c := range []struct {
		name, access string
		before, over time.Duration
		change       given
		known        bool
	}{
		{"just before", psoxys, time.Second, 0, beside, true},
		{"and ours between", psoxys, time.Second, -nano, beside, false},
		{"long before", psoxys, 30 * time.Second, 0, beside, false},
		{"after it", psoxys, -time.Second, 0, beside, false},
		{"before the own token came", psoxys, time.Second, 0, all(beside, rotated(9*minute)), false},
		{"before the consent", psoxys, time.Second, 0, all(beside, func(s *family.Snapshot) {
			s.State.Record.RotatedAt, s.State.Record.AuthorizedAt = time.Time{}, now.Add(-9*minute)
		}), false},
		{"the own token's", ours, time.Second, 0, beside, false},
		{"a person's, as the site gives it", access(8), time.Second, 0, beside, false},
		{"destroyed", "", time.Second, 0, beside, false},
		{"where psoxy does not rotate", psoxys, time.Second, 0, func(*family.Snapshot) {}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			all(inbox(refresh(109), refresh(110)), rotated(11*minute), c.change, doubted(3*minute))(&s)
			s.Offers[0].Modified, s.Offers[1].Modified = now.Add(-9*minute), now.Add(-minute)
			s.Wrote = family.PsoxysWrites(s.State.Record, []store.Entry{
				{Value: secret(c.access), Version: 9, Modified: now.Add(-9*minute - c.before)},
				{Value: secret(ours), Version: 10, Modified: now.Add(-9*minute + c.over)},
			}...)
			require.Equal(t, c.known, s.Received(pair(8, now), family.Field{}).Record.Past.Has(fp(refresh(109))))
			require.False(t, s.Received(pair(8, now.Add(minute)), family.Field{}).Record.Past.Has(fp(refresh(109))), "the own token would have been dead a leeway after it")
		})
	}
}

// Psoxy took its lock, and what stood in REFRESH_TOKEN then may be presented. That is so too
// where it was damaged since, and put back.
func TestATokenUnderPsoxysLockIsPutBack(t *testing.T) {
	one, damaged := refresh(109), refresh(110)
	for _, c := range []struct {
		stands   string
		until    time.Duration
		replayed bool
	}{
		{one, 2 * minute, true},
		{damaged, 2 * minute, false},
		{one, 3*minute + time.Second, false}, // psoxy found something else
	} {
		s := healthy()
		all(beside, inbox(one, damaged))(&s)
		s.Offers[0].Modified, s.Offers[0].Until = now.Add(-4*minute), now.Add(-c.until)
		s.Left, s.RefreshToken = field("locked_1764000000000", 1, now.Add(-3*minute)), field(c.stands, 11, now.Add(-minute))
		d := family.Decide(s, family.DefaultPolicy())
		require.Equal(t, c.replayed, d.Action == family.Replay && d.Candidate.Version == 9)
	}
}

// Of two copies of one token, the damaged one was not made of the whole one: their claims
// tell. Without claims, nothing does.
func TestADamagedCopyCoversNothing(t *testing.T) {
	whole := rotating("a-chain", now.Add(-8*minute))
	for _, c := range []struct {
		token, chain string
		by           given
		covered      bool
	}{
		{whole, "a-chain", all(), false},
		{whole, "a-chain", newestIsPsoxys, true}, // made in the same second
		{refresh(109), "", newestIsPsoxys, true},
	} {
		s := healthy()
		all(beside, refusedAt(10, 1), inbox(c.token, c.token[:len(c.token)-4]+"oops"), c.by)(&s)
		if c.chain != "" {
			s.State.Record.Chain = chainOf(c.chain)
		}
		require.Equal(t, c.covered, s.Offspring(s.Offers[1]).Past.Has(fp(c.token)))
	}
}
