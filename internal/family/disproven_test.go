package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// An adopted token that Atlassian refused, or could not read, for an hour may be none, and an older one the right
// one. The adopted one is asked about at that very moment, for refusals may have been
// mistaken for a while.
func TestAnOlderTokenInThePlaceOfAnAdoptedOne(t *testing.T) {
	first := time.Hour
	adopted := func(class string, refusedAgo time.Duration) given {
		return func(s *family.Snapshot) {
			r := &s.State.Record
			r.RotatedAt, r.AuthorizedAtSource = time.Time{}, family.FromAdoption
			for _, ago := range []time.Duration{refusedAgo + first, refusedAgo} {
				*r = r.Fail(family.Failure{Class: class, At: now.Add(-ago), Token: r.Refresh, Credentials: s.Credentials()})
			}
		}
	}
	for _, c := range []struct {
		name       string
		class      string
		refusedAgo time.Duration
		want       family.Action
		candidate  int64
	}{
		{"refused just before", "permanent", 29 * time.Second, family.Rotate, 9},
		{"refused in an earlier tick", "permanent", 30 * time.Second, family.Probe, 0},
		{"not readable, just before", "malformed", 29 * time.Second, family.Rotate, 9},
		{"not readable, in an earlier tick: it waits its time", "malformed", 30 * time.Second, family.Failed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decide(adopted(c.class, c.refusedAgo), inbox(refresh(6)))
			requireAction(t, c.want, d)
			require.Equal(t, c.candidate, d.Candidate.Version)
		})
	}
	t.Run("but not what claims prove older", func(t *testing.T) {
		own, older := rotating("chain", now.Add(-time.Hour)), rotating("chain", now.Add(-2*time.Hour))
		d := decide(func(s *family.Snapshot) {
			s.State.Refresh, s.State.Record.Refresh, s.State.Record.Chain = secret(own), fp(own), chainOf("chain")
			s.State.Record.Past = s.State.Record.Past.With(fp(older))
		}, adopted("permanent", 20*time.Second), inbox(older))
		requireAction(t, family.Refused, d)
		require.Zero(t, d.Candidate.Version)
	})
	first = 59 * time.Minute
	t.Run("for an hour the refusals may be mistakes, and the older one was spent", func(t *testing.T) {
		d := decide(adopted("permanent", time.Minute), inbox(refresh(6)))
		requireAction(t, family.Refused, d)
	})
	t.Run("unless a person stores it once more", func(t *testing.T) {
		d := decide(adopted("permanent", 20*time.Second), inbox(refresh(6)), func(s *family.Snapshot) { s.Offers[len(s.Offers)-1].Again = now.Add(-20 * time.Second) })
		requireAction(t, family.Rotate, d)
		require.Equal(t, int64(9), d.Candidate.Version)
	})
	t.Run("one that is not known does not wait", func(t *testing.T) {
		d := decide(adopted("permanent", time.Minute), inbox(refresh(109)))
		requireAction(t, family.Rotate, d)
		require.Equal(t, int64(9), d.Candidate.Version)
	})
}
