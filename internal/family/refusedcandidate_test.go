package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// What was refused before the accepted candidate may be what psoxy made that of: once
// more it is not asked about, unless the claims tell that it is the family's.
func TestSettleAfterARefusedCandidate(t *testing.T) {
	refused := state()
	refused.Inbox.Rejected = []family.Rejected{{Version: 10, Count: 1}, {Version: 9, Count: 1}}
	r := receipt(now)
	r.Candidate = 9
	next, _ := refused.Settle(r)
	require.Equal(t, refused.Inbox.Rejected[:1], next.Inbox.Rejected)
	r.Record.Chain = "chain"
	next, _ = refused.Settle(r)
	require.Equal(t, refused.Inbox.Rejected, next.Inbox.Rejected)
}

// Atlassian refused everything for hours, the newest consent with it. Once it takes a token that
// it refused, it is asked about the others anew.
func TestSettleAfterAMistakenRefusal(t *testing.T) {
	refused := func(class atlassian.Class) family.State {
		s := state()
		s.Record.LastFailure = &family.Failure{Class: class.String(), Token: fp(refresh(7)), Count: 4, At: now.Add(-time.Minute)}
		s.Inbox.Rejected = []family.Rejected{{Version: 10, Count: 9}, {Version: 9, Count: 8}}
		return s
	}
	accepted := func(token, chain family.Fingerprint, candidate int64) family.Receipt {
		r := receipt(now)
		r.Spent, r.Candidate, r.Record.Chain = token, candidate, chain
		return r
	}
	for _, c := range []struct {
		name     string
		state    family.State
		accepted family.Receipt
		want     int
	}{
		{"the own token was refused", refused(atlassian.Permanent), accepted(fp(refresh(7)), "chain", 0), 1},
		{"the own token failed otherwise", refused(atlassian.Transient), accepted(fp(refresh(7)), "chain", 0), 9},
		{"a candidate was refused", refused(atlassian.Transient), accepted(fp("candidate"), "chain", 9), 1},
		{"only others were refused", refused(atlassian.Permanent), accepted(fp("candidate"), "chain", 8), 9},
		{"another may be its successor", refused(atlassian.Permanent), accepted(fp(refresh(7)), "", 0), 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			next, kept := c.state.Settle(c.accepted)
			require.True(t, kept)
			require.Equal(t, int64(10), next.Inbox.Rejected[0].Version)
			require.Equal(t, c.want, next.Inbox.Rejected[0].Count)
		})
	}
}

// A process presents a candidate, and a refusal takes the place of the answer. Another process
// then tells that this is the family's newest token. It is asked about within the leeway.
func TestARefusedCandidateBecomesTheOwnToken(t *testing.T) {
	refusal := now.Add(-2 * minute)
	for name, first := range map[string]time.Time{"refused at once": refusal, "refused after a lost answer": now.Add(-3 * minute)} {
		t.Run(name, func(t *testing.T) {
			s := state().Intending("other", fp(refresh(8)), 9, first)
			s = s.Failed(family.Failure{Class: atlassian.Permanent.String(), At: refusal, Token: fp(refresh(8)), FirstSpend: first}, nil)
			next, kept := s.Settle(receipt(now.Add(-time.Hour)))
			require.True(t, kept)
			require.True(t, next.Record.Refused())
			require.Equal(t, first, next.Record.LastFailure.Since, "its leeway began then")
			require.Empty(t, next.Inbox.Rejected, "it is no candidate any more")
			d := decide(func(s *family.Snapshot) {
				s.State, s.RefreshToken, s.AccessToken = next, field(refresh(8), 9, now), field(access(8), 9, now)
			})
			requireAction(t, family.Probe, d)
			require.Zero(t, d.Candidate.Version)
		})
	}
}

// A firewall's answer after the refusal does not hide that.
func TestARefusalThatAFirewallFollows(t *testing.T) {
	s := state()
	for n, class := range []atlassian.Class{atlassian.Permanent, atlassian.Malformed} {
		at := now.Add(time.Duration(n-3) * minute)
		s = s.Intending("other", fp(refresh(8)), 9, time.Time{})
		s = s.Failed(family.Failure{Class: class.String(), At: at, Token: fp(refresh(8))}, nil)
	}
	next, kept := s.Settle(receipt(now))
	require.True(t, kept)
	require.True(t, next.Record.Refused())
}

// The refusal was a mistake, or no answer about the token: it does not make the family look lost.
func TestARefusalThatDoesNotCount(t *testing.T) {
	rejected := func(class atlassian.Class) family.State {
		s := state().Intending("other", fp(refresh(8)), 9, now.Add(-minute))
		return s.Failed(family.Failure{Class: class.String(), At: now.Add(-minute), Token: fp(refresh(8))}, nil)
	}
	t.Run("it was accepted since, and its successor was left out", func(t *testing.T) {
		r := receipt(now)
		r.Spent, r.Candidate = fp(refresh(8)), 9
		next, kept := rejected(atlassian.Permanent).Settle(r)
		require.True(t, kept)
		require.Nil(t, next.Record.LastFailure)
	})
	t.Run("a firewall has answered", func(t *testing.T) {
		next, kept := rejected(atlassian.Malformed).Settle(receipt(now))
		require.True(t, kept)
		require.Nil(t, next.Record.LastFailure)
	})
}
