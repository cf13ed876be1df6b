package family_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

func TestOffspring(t *testing.T) {
	candidate := field(refresh(109), 9, now.Add(-3*minute))
	chained := field(rotating("chain", now.Add(-3*minute)), 9, now.Add(-minute))
	stranger := field(rotating("other", now.Add(-3*minute)), 9, now.Add(-minute))
	inChain := func(s *family.Snapshot) { s.State = own(rotating("chain", now.Add(-time.Hour)), "chain") }
	told := func(token string, days time.Duration) given {
		return func(s *family.Snapshot) {
			r := record()
			r.Refresh, r.AuthorizedAt = fp(token), now.Add(-days*24*time.Hour)
			s.Family = store.Entry{Value: r.Encode(), Version: 3}
		}
	}
	for i, c := range []struct {
		name      string
		given     given
		candidate family.Field
		format    psoxy.AccessFormat
		// same: the family goes on.
		same bool
		born time.Time
	}{
		{"the own token", func(*family.Snapshot) {}, family.Field{}, psoxy.Raw, true, record().AuthorizedAt},
		{"an unknown token begins a family when it was stored", func(*family.Snapshot) {}, candidate, psoxy.Raw, false, now.Add(-3 * minute)},
		{"beside psoxy it is psoxy's rotation", func(*family.Snapshot) {}, candidate, psoxy.JSON, true, record().AuthorizedAt},
		{"beside psoxy, after a refusal that may be mistaken", refusedOwn, candidate, psoxy.JSON, true, record().AuthorizedAt},
		{"of the same chain", inChain, chained, psoxy.Raw, true, record().AuthorizedAt},
		{"of the same chain, after a refusal", all(inChain, func(s *family.Snapshot) {
			s.State.Record = s.State.Record.Fail(family.Failure{Class: "permanent", At: now, Token: s.State.Record.Refresh})
		}), chained, psoxy.Raw, true, record().AuthorizedAt},
		{"of another chain, when it was issued", inChain, stranger, psoxy.Raw, false, now.Add(-3 * minute)},
		{"of another chain, beside psoxy", inChain, stranger, psoxy.JSON, false, now.Add(-3 * minute)},
		{"what stood there when the ledger began", kin, candidate, psoxy.Raw, true, record().AuthorizedAt},
		{"TOKEN_FAMILY of another ledger knows its age", told(refresh(109), 200), candidate, psoxy.Raw, false, now.Add(-200 * 24 * time.Hour)},
		{"TOKEN_FAMILY tells of another token", told(refresh(110), 200), candidate, psoxy.Raw, false, now.Add(-3 * minute)},
		{"TOKEN_FAMILY tells of a later birth", told(refresh(109), 0), candidate, psoxy.Raw, false, now.Add(-3 * minute)},
		{"stored by a clock that is ahead", func(*family.Snapshot) {}, field(refresh(109), 9, now.Add(time.Hour)), psoxy.Raw, false, now},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			c.given(&s)
			before := s.State.Encode()
			s.AccessFormat = c.format
			r := s.Offspring(c.candidate)
			require.Equal(t, before, s.State.Encode())
			require.Equal(t, c.born, r.AuthorizedAt)
			if i == 0 {
				require.Equal(t, s.State.Record, r)
				return
			}
			require.Equal(t, family.FingerprintOf(c.candidate.Value), r.Refresh)
			require.True(t, r.Past.Has(s.State.Record.Refresh), "the token in use becomes an older one")
			require.False(t, r.Past.Has(r.Refresh))
			require.Equal(t, c.same, r.Generation == s.State.Record.Generation+1, fmt.Sprint(r.Generation))
			require.Nil(t, r.LastFailure)
			if chain := s.State.Record.Chain; chain != "" && !c.same {
				require.True(t, r.Past.Has(chain), "its later tokens are known as older")
			}
		})
	}
}

// A chain that another family has replaced is known from then on. That of an adopted
// token that Atlassian did not take may be the one that a person meant.
func TestAReplacedChain(t *testing.T) {
	meant := field(rotating("meant", now), 10, now)
	for _, c := range []struct {
		name  string
		given given
		want  family.Judgement
	}{
		{"of a family that was in use", func(*family.Snapshot) {}, family.Older},
		{"of an adopted token that was refused", func(s *family.Snapshot) {
			s.State.Record.RotatedAt, s.State.Record.AuthorizedAtSource = time.Time{}, family.FromAdoption
			s.State.Record = s.State.Record.Fail(family.Failure{Class: "permanent", At: now, Token: s.State.Record.Refresh})
		}, family.Candidate},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r family.Record
			decide(func(s *family.Snapshot) {
				s.State = own(rotating("meant", now.Add(-time.Hour)), "meant")
				c.given(s)
				r = s.Offspring(field(rotating("other", now.Add(-minute)), 9, now))
			})
			verdict, reason := family.State{Refresh: secret(refresh(9)), Record: r}.Judge(meant)
			require.Equal(t, c.want, verdict, reason)
		})
	}
}
