package keeper_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Everything is deleted, and a backup is put back one parameter at a time, with a tick
// between. The family has its true age all the same, and keeps it.
func TestBackupIsPutBackSlowly(t *testing.T) {
	for _, claims := range []bool{false, true} {
		w := newWorldOf(t, claims)
		w.consent()
		w.want(keeper.Rotated)
		born := w.record().AuthorizedAt
		w.clock.Advance(80 * 24 * time.Hour)
		w.want(keeper.Rotated)
		token, record := w.get(names.RefreshToken).Value.Reveal(), w.get(names.Family).Value.Reveal()
		for _, name := range []string{names.Ledger, names.Family, names.RefreshToken} {
			w.remove(name)
		}
		w.restart()
		w.clock.Advance(time.Hour)
		w.put(names.RefreshToken, token)
		w.want(keeper.Rotated)
		w.put(names.Family, record)
		w.clock.Advance(2 * time.Minute)
		out := w.want(keeper.Idle)
		require.InDelta(t, 365-80, *out.FamilyDaysRemaining, 0.1)
		require.Equal(t, born, w.record().AuthorizedAt)

		w.clock.Advance(time.Hour)
		w.want(keeper.Rotated)
		w.remove(names.Family)
		w.want(keeper.Idle)
		require.Equal(t, born, w.record().AuthorizedAt)
		require.Equal(t, born, w.ledger().Record.AuthorizedAt)
		w.requireKept()
	}
}

// The record of another family, or a younger one, changes no age.
func TestAnotherRecordIsPutBack(t *testing.T) {
	for _, claims := range []bool{false, true} {
		w := newWorldOf(t, claims)
		w.consent()
		w.want(keeper.Rotated)
		older := w.get(names.Family).Value.Reveal()
		w.clock.Advance(80 * 24 * time.Hour)
		w.consent()
		w.want(keeper.Rotated)
		require.Equal(t, family.FromAdoption, w.record().AuthorizedAtSource)
		born := w.record().AuthorizedAt
		w.put(names.Family, older)
		w.want(keeper.Idle)
		require.Equal(t, born, w.record().AuthorizedAt)
	}
}

// The ledger is deleted. Of tokens this large TOKEN_FAMILY remembers fewer than the history of
// REFRESH_TOKEN holds, or it remembers none: what was stored before the newest is older all
// the same.
func TestTheLedgerOfLargeTokensIsDeleted(t *testing.T) {
	for _, c := range []struct {
		name      string
		pad       int
		rotations int
		forgotten bool
	}{{"large", 2900, 110, false}, {"very large", 4500, 110, false}, {"forgotten", 0, 10, true}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			w.client.HTTPClient = &http.Client{Transport: &rewriter{change: func(_ int, pair map[string]any) {
				pair["refresh_token"] = fmt.Sprint(pair["refresh_token"], strings.Repeat("a", c.pad))
			}}}
			for range c.rotations {
				w.want(keeper.Rotated)
				w.clock.Advance(40 * time.Minute)
			}
			w.want(keeper.Rotated)
			w.want(keeper.Idle)
			if c.forgotten {
				r := w.record()
				r.Past = ""
				w.put(names.Family, r.Encode().Reveal())
			}
			w.restart()
			w.remove(names.Ledger)
			everyTwoMinutes(w, 20*time.Minute)
			require.Nil(t, w.em.Families()[0].Death)
		})
	}
}

// damagedRecords are forms of a TOKEN_FAMILY that tells the true age, %s, and the newest
// token, %s, beside a member of a wrong form.
var damagedRecords = []string{
	`"schema":1,"generation":"12"`, `"schema":1,"generation":12.0`, `"schema":1,"lifetime_days":"365"`, `"schema":1,"authorized_at_source":1`, `"schema":1,"scopes":"a b"`,
	`"schema":1,"last_failure":""`, `"schema":1,"last_failure":{"class":"transient","at":"","count":1,"token":""}`, `"schema":1,"previous_refresh_tokens":"abc"`,
	`"schema":1,"access_expires_at":""`, `"schema":1,"rotated_at":""`, `"schema":"1"`,
	`"schema":1,"last_failure":{"class":"ambiguous","at":"2062-01-01T00:00:00Z","count":1,"token":"TOKEN","first_spend":"2026-11-24T04:00:00Z"}`,
}

// One damaged member of TOKEN_FAMILY does not cost the age, nor keep the family from being
// rotated.
func TestADamagedMemberOfTheRecord(t *testing.T) {
	for _, damaged := range damagedRecords {
		t.Run(damaged, func(t *testing.T) {
			w := newWorld(t)
			tokens := w.consent()
			born := w.clock.Now()
			w.clock.Advance(80 * 24 * time.Hour)
			next, err := w.em.Refresh(atlassiantest.RefreshRequest{ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret, RefreshToken: tokens.Refresh})
			require.NoError(t, err)
			w.remove(names.RefreshToken) // its own history would tell the age
			w.put(names.RefreshToken, next.Refresh.Reveal())
			token := string(family.FingerprintOf(next.Refresh))
			w.put(names.Family, fmt.Sprintf(`{%s,"connection":%q,"authorized_at":%q,"refresh_token":%q}`,
				strings.ReplaceAll(damaged, "TOKEN", token), conn, born.Format(time.RFC3339), token))
			everyTwoMinutes(w, 30*time.Minute)
			require.WithinDuration(t, born, w.ledger().Record.AuthorizedAt, time.Minute)
			w.requireKept()
		})
	}
}

// A time of the consent that lies in the future is none.
func TestAConsentInTheFuture(t *testing.T) {
	for name, versions := range map[string][]string{
		"over the true one": {"2026-11-24T04:00:00Z", "2062-11-24T04:00:00Z"}, "alone": {"2062-11-24T04:00:00Z"}, "a year ahead": {"2026-11-24T04:00:00Z", "2027-11-24T04:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tokens := w.consent()
			born := w.clock.Now()
			w.clock.Advance(80 * 24 * time.Hour)
			for _, at := range versions {
				w.put(names.Family, fmt.Sprintf(`{"schema":1,"connection":%q,"authorized_at":%q,"authorized_at_source":"consent","generation":1,"refresh_token":%q}`,
					conn, at, family.FingerprintOf(tokens.Refresh)))
			}
			everyTwoMinutes(w, 6*time.Minute)
			require.WithinDuration(t, born, w.ledger().Record.AuthorizedAt, time.Minute)
			require.WithinDuration(t, born, w.record().AuthorizedAt, time.Minute)
		})
	}
}
