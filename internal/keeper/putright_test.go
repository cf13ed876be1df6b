package keeper_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// The first set-up: access and refresh token are pasted into each other's parameter. The
// person sees it, and puts both right.
func TestSwappedAtTheSetUp(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint(claims), func(t *testing.T) {
			w := newWorldOf(t, claims)
			tokens := w.consent()
			w.remove(names.AccessToken)
			w.remove(names.RefreshToken)
			w.put(names.AccessToken, tokens.Refresh.Reveal())
			w.put(names.RefreshToken, tokens.Access.Reveal())
			w.ticks(2)
			w.put(names.AccessToken, tokens.Access.Reveal())
			w.put(names.RefreshToken, tokens.Refresh.Reveal())
			for range 24 {
				w.clock.Advance(5 * time.Minute)
				w.tick()
			}
			w.requireKept()
		})
	}
}

// A person's script rotates the token with curl, and stores it as jq prints it without -r: in
// quotes. The claims within tell that the ledger's own token is spent. Half an hour later the
// person puts it right.
func TestQuotedSuccessor(t *testing.T) {
	for _, form := range []string{`"%s"`, "%s,", "\ufeff%s", "refresh_token=%s", "cut: %s"} {
		t.Run(form, func(t *testing.T) {
			w := newWorldOf(t, true)
			w.consent()
			w.want(keeper.Rotated)
			w.rotations(2)
			next := w.psoxy.spends()
			text := fmt.Sprintf(form, next.Refresh.Reveal())
			if whole, cut := strings.CutPrefix(text, "cut: "); cut {
				text = whole[:len(whole)-4]
			}
			w.put(names.RefreshToken, text)
			w.ticks(12)
			w.put(names.RefreshToken, next.Refresh.Reveal())
			w.ticks(12)
			w.requireAlive(0)
			w.requireKept()
		})
	}
}

// The same before the first deployment. Without claims nobody can know.
func TestQuotedSuccessorAtTheSetUp(t *testing.T) {
	for _, form := range []string{`"%s"`, "%s,", "\ufeff%s", "refresh_token=%s"} {
		t.Run(form, func(t *testing.T) {
			w := newWorldOf(t, true)
			w.consent()
			w.clock.Advance(time.Hour)
			next := w.psoxy.spends()
			w.put(names.RefreshToken, fmt.Sprintf(form, next.Refresh.Reveal()))
			w.clock.Advance(time.Hour)
			w.tick()
			w.ticks(3)
			w.put(names.RefreshToken, next.Refresh.Reveal())
			w.ticks(12)
			w.requireAlive(0)
			w.requireKept()
		})
	}
}

// All is deleted, and a person puts back the ledger, which is the truth, and the app.
func TestOnlyTheLedgerIsPutBack(t *testing.T) {
	for _, with := range []string{"", "fill me"} {
		t.Run(with, func(t *testing.T) {
			w := settledWorld(t)
			w.rotations(3)
			truth := w.get(names.Ledger).Value.Reveal()
			for _, n := range []string{names.RefreshToken, names.Family, names.Ledger, names.AccessToken} {
				w.remove(n)
				if with != "" && n != names.Family && n != names.Ledger {
					w.put(n, with)
				}
			}
			w.restart()
			w.clock.Advance(time.Minute)
			w.want(keeper.AwaitingConsent)
			w.put(names.Ledger, truth)
			for range 24 {
				w.clock.Advance(5 * time.Minute)
				w.tick()
			}
			w.requireKept()
		})
	}
}

// All is deleted. A backup of the secrets is put back, REFRESH_TOKEN first; TOKEN_FAMILY, no
// secret, is not in it. The ledger in it tells the age.
func TestBackupOfTheSecrets(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint(claims), func(t *testing.T) {
			w := newWorldOf(t, claims)
			w.consent()
			w.want(keeper.Rotated)
			born := w.record().AuthorizedAt
			w.clock.Advance(80 * 24 * time.Hour)
			w.want(keeper.Rotated)
			w.clock.Advance(2 * time.Minute)
			w.want(keeper.Idle)
			token, truth := w.get(names.RefreshToken).Value.Reveal(), w.get(names.Ledger).Value.Reveal()
			for _, n := range []string{names.RefreshToken, names.Family, names.Ledger, names.AccessToken} {
				w.remove(n)
			}
			w.restart()
			w.clock.Advance(time.Minute)
			w.want(keeper.AwaitingConsent)
			w.put(names.RefreshToken, token)
			w.clock.Advance(time.Minute)
			w.tick()
			w.put(names.Ledger, truth)
			w.ticks(12)
			w.requireKept()
			require.WithinDuration(t, born, w.record().AuthorizedAt, time.Hour)
		})
	}
}

// The new consent of the neighbour is pasted into conn. The person sees it at once: conn gets
// its own value back, and the neighbour the consent's. No tick came between.
func TestWrongConnectionPutRight(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint(claims), func(t *testing.T) {
			w, tick := newNeighbours(t, claims)
			w.clock.Advance(2 * time.Minute)
			tick(conn)
			tick(neighbour)
			own := w.get(names.RefreshToken).Value.Reveal()
			fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			w.put(names.RefreshToken, fresh.Refresh.Reveal())
			w.clock.Advance(20 * time.Second)
			w.put(names.RefreshToken, own)
			w.put(family.NamesOf(neighbour).RefreshToken, fresh.Refresh.Reveal())
			for range 30 {
				w.clock.Advance(2 * time.Minute)
				tick(conn)
				tick(neighbour)
			}
			for i, c := range []string{conn, "", neighbour} {
				if c != "" {
					info, _ := w.em.Lookup(w.get(family.NamesOf(c).RefreshToken).Value)
					n := 0
					if i == 2 {
						n = 2
					}
					require.Equal(t, w.em.Families()[n].ID, info.FamilyID, c)
				}
			}
		})
	}
}

// The yearly consents of two connections are pasted crosswise. The person sees it at once, and
// puts both right. No tick came between.
func TestConsentsCrossedAndPutRight(t *testing.T) {
	for _, claims := range []bool{false, true} {
		t.Run(fmt.Sprint(claims), func(t *testing.T) {
			w, tick := newNeighbours(t, claims)
			w.clock.Advance(2 * time.Minute)
			tick(conn)
			tick(neighbour)
			o := family.NamesOf(neighbour)
			a, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			w.clock.Advance(time.Second)
			b, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			w.put(names.RefreshToken, b.Refresh.Reveal())
			w.put(o.RefreshToken, a.Refresh.Reveal())
			w.clock.Advance(20 * time.Second)
			w.put(names.RefreshToken, a.Refresh.Reveal())
			w.put(o.RefreshToken, b.Refresh.Reveal())
			for range 30 {
				w.clock.Advance(2 * time.Minute)
				tick(conn)
				out := tick(neighbour)
				if out.Foreign != "" {
					t.Log(out.Foreign)
				}
			}
			for c, n := range map[string]int{conn: 2, neighbour: 3} {
				info, _ := w.em.Lookup(w.get(family.NamesOf(c).RefreshToken).Value)
				require.Equal(t, w.em.Families()[n].ID, info.FamilyID, c)
			}
		})
	}
}

// The first set-up: a person stores the token, and then a program the address of the secret over
// it. No token is in an address, so the one under it is adopted.
func TestAnAddressIsNoDamagedToken(t *testing.T) {
	for _, address := range []string{"arn:aws:ssm:eu-west-1:111122223333:parameter/PSOXY_JIRA_CLOUD_REFRESH_TOKEN", "projects/123456789012/secrets/psoxy_JIRA_CLOUD_REFRESH_TOKEN/versions/7"} {
		w := newWorld(t)
		w.consent()
		w.put(names.RefreshToken, address)
		w.want(keeper.Rotated)
	}
}
