package family_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// past makes the kept versions of a parameter, oldest first, one an hour; the
// newest is an hour old.
func past(values ...string) (entries []store.Entry) {
	for i, v := range values {
		entries = append(entries, store.Entry{Value: secret(v), Version: int64(i + 1), Modified: now.Add(-time.Duration(len(values)-i) * time.Hour)})
	}
	return entries
}

// seeded is a connection without a ledger whose parameters have these histories.
func seeded(tokens, records []store.Entry) family.Snapshot {
	s := healthy()
	s.State, s.Written = family.State{}, time.Time{}
	s.RefreshToken, s.AccessToken = family.Field{}, field(access(7), 1, now.Add(-10*time.Minute))
	if len(tokens) > 0 {
		s.RefreshToken = family.FieldOf(tokens[len(tokens)-1])
	}
	if len(records) > 0 {
		s.Family = records[len(records)-1]
	}
	return s
}

func adopt(tokens, records []store.Entry, change ...func(*family.Snapshot)) (family.State, string) {
	s := seeded(tokens, records)
	for _, f := range change {
		f(&s)
	}
	return s.Adopt(tokens, records, family.DefaultPolicy())
}

func TestAdoptWithoutARecord(t *testing.T) {
	claimed := rotating("chain", now.Add(-100*24*time.Hour))
	for _, c := range []struct {
		name   string
		tokens []store.Entry
		want   string
		// age of the family.
		age time.Duration
	}{
		{"filled in once", past(refresh(0)), refresh(0), time.Hour},
		{"after psoxy's placeholder", past("fill me", refresh(0)), refresh(0), time.Hour},
		{"with white space", past(" " + refresh(0) + "\n"), refresh(0), time.Hour},
		{"a placeholder, and the token again: its age is true", past(refresh(0), "CHANGE_ME", refresh(0)), refresh(0), 3 * time.Hour},
		{"a placeholder over it", past(refresh(0), "CHANGE_ME"), refresh(0), 2 * time.Hour},
		{"cut short over it: a mistake of the first edition", past(claimed, claimed[:len(claimed)-4]), claimed, 100 * 24 * time.Hour},
		{"psoxy's rotations: the newest", past(refresh(0), refresh(1), refresh(2)), refresh(2), time.Hour},
		{"an older one put back: the one that came last", past(refresh(0), refresh(1), refresh(2), refresh(0)), refresh(2), 2 * time.Hour},
		{"two older ones put back", past(refresh(0), refresh(1), refresh(2), refresh(1), refresh(0)), refresh(2), 3 * time.Hour},
		{"an older one put back, and those before it are gone: their claims tell", past(rotating("chain", now.Add(-50*24*time.Hour)), claimed),
			rotating("chain", now.Add(-50*24*time.Hour)), 100 * 24 * time.Hour}, // the older one tells the age
		{"a token says when it was issued", past(claimed), claimed, 100 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, why := adopt(c.tokens, nil)
			require.Empty(t, why)
			require.Equal(t, c.want, s.Refresh.Reveal())
			require.Equal(t, fp(c.want), s.Record.Refresh)
			require.Equal(t, now.Add(-c.age), s.Record.AuthorizedAt)
			require.Equal(t, family.FromAdoption, s.Record.AuthorizedAtSource)
			require.Zero(t, s.Record.Generation)
			require.Nil(t, s.Intent)
			require.Equal(t, int64(len(c.tokens)), s.Inbox.Seen)
			for _, e := range c.tokens {
				f := family.FieldOf(e)
				verdict, _ := s.Judge(f)
				require.NotEqual(t, family.Candidate, verdict, "what has been there is no candidate")
			}
			read, err := family.ParseState(s.Encode(), now, conn)
			require.NoError(t, err)
			require.Equal(t, s.Encode(), read.Encode())
		})
	}
	t.Run("a store whose clock is ahead makes no family of the future", func(t *testing.T) {
		tokens := past(refresh(0))
		tokens[0].Modified = now.Add(time.Hour)
		s, _ := adopt(tokens, nil)
		require.Equal(t, now, s.Record.AuthorizedAt)
	})
}

func TestNothingToAdopt(t *testing.T) {
	for name, c := range map[string]struct {
		tokens []store.Entry
		want   string
	}{
		"nothing but placeholders": {past("fill me", "CHANGE_ME"), "placeholder"},
		"an access token":          {past(atlassianToken("chain", now, "ACCESS")), "access token"},
		"the whole answer":         {past(`{"refresh_token":"` + refresh(0) + `"}`), "REFRESH_TOKEN"},
		"empty":                    {past("fill me"), "holds no token"},
		"no history":               {nil, "holds no token"},
	} {
		t.Run(name, func(t *testing.T) {
			s, why := adopt(c.tokens, nil)
			require.Contains(t, why, c.want)
			require.True(t, s.Empty())
			requireNoSecret(t, why, refresh(0))
		})
	}
	t.Run("only what TOKEN_FAMILY knows as older", func(t *testing.T) {
		_, why := adopt(past(refresh(5), refresh(6)), past(record().Encode().Reveal()))
		require.Contains(t, why, "older")
	})
}

func TestAdoptWithARecord(t *testing.T) {
	text := func(r family.Record) string { return r.Encode().Reveal() }
	before := record()
	before.Generation, before.Refresh, before.RotatedAt = 6, fp(refresh(6)), now.Add(-time.Hour)
	before.Past = family.Past("").With(fp(refresh(5)))
	successor := record().Succeed(pair(8, now.Add(-2*time.Minute)))
	copied := record()
	copied.Connection = "PSOXY_JIRA_CLOUD_2_"
	withChain := record()
	withChain.Chain = chainOf("chain")
	for _, c := range []struct {
		name            string
		tokens, records []store.Entry
		want            string
		// born: the record's birth is kept.
		born       bool
		generation int
		// deleted: there was a ledger. The keeper waits for whoever may be presenting
		// the token, and the token is in doubt.
		deleted bool
	}{
		{"the ledger was deleted", past(refresh(6), refresh(7)), past(text(record())), refresh(7), true, 7, true},
		{"and an older token put back", past(refresh(6), refresh(7), refresh(6)), past(text(record())), refresh(7), true, 7, true},
		{"and three generations", past(refresh(4), refresh(5), refresh(6), refresh(7), refresh(4)), past(text(record())), refresh(7), true, 7, true},
		{"and TOKEN_FAMILY too", past(refresh(6), refresh(7), refresh(6)), past(text(before), text(record()), text(before)), refresh(7), true, 7, true},
		{"an older one from elsewhere", past(refresh(7), refresh(5)), past(text(record())), refresh(7), true, 7, true},
		{"TOKEN_FAMILY is one rotation behind: what came since is a candidate", past(refresh(6), refresh(7), refresh(8)), past(text(record())), refresh(7), true, 7, true},
		{"TOKEN_FAMILY is many rotations behind", past(refresh(8), refresh(9), refresh(10)), past(text(record())), refresh(10), true, 7, true},
		{"TOKEN_FAMILY is damaged: its history is read", past(refresh(7)), past(text(record()), "{damaged"), refresh(7), true, 7, true},
		{"TOKEN_FAMILY was deleted and never came again", past(refresh(7)), nil, refresh(7), false, 0, false},
		{"TOKEN_FAMILY is another connection's", past(refresh(7)), past(`{"schema":1,"connection":"OTHER_"}`), refresh(7), false, 0, false},
		{"TOKEN_FAMILY was copied from another connection with the token", past(refresh(7)), past(text(copied)), refresh(7), true, 7, true},
		{"and without it", past(refresh(9)), past(text(copied)), refresh(9), false, 0, false},
		{"a damaged value that Atlassian did not accept, and our copy over it", past(refresh(6), refresh(7), "accepted-by-nobody-at-all", refresh(7)), past(text(record())), refresh(7), true, 7, true},
		{"a token of another chain is a new family", past(rotating("chain", now.Add(-2*time.Hour)), rotating("other", now.Add(-time.Hour))), past(text(withChain)), rotating("other", now.Add(-time.Hour)), false, 0, true},
		{"one of the same chain is not", past(rotating("chain", now.Add(-time.Hour))), past(text(withChain)), rotating("chain", now.Add(-time.Hour)), true, 7, true},
		{"the newest of two records counts, whichever was written last", past(refresh(7), refresh(8)), past(text(successor), text(record())), refresh(8), true, 8, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, why := adopt(c.tokens, c.records)
			require.Empty(t, why)
			require.Equal(t, c.want, s.Refresh.Reveal())
			require.Equal(t, c.born, s.Record.AuthorizedAt.Equal(record().AuthorizedAt), "its true age: %s", s.Record.AuthorizedAt)
			require.Equal(t, c.generation, s.Record.Generation)
			require.False(t, s.Record.Past.Has(fp(c.want)), "its newest token is no older one")
			require.Equal(t, c.deleted, s.InDoubt(), "the ledger that was deleted may have told of a spend")
			require.Equal(t, c.deleted, s.Intent != nil)
		})
	}
	t.Run("the lock cannot be read, which may tell of a spend", func(t *testing.T) {
		s, _ := adopt(past(refresh(7)), nil, func(s *family.Snapshot) { s.Denied = []string{names.Lock} })
		d := decide(func(v *family.Snapshot) { v.State, _ = family.ParseState(s.Encode(), now, conn) })
		require.Equal(t, family.Replay, d.Action, "at once: %s", d.Reason)
		require.Equal(t, now, d.FirstSpend)
	})
	t.Run("the first edition's record names its newest token among the older ones, too", func(t *testing.T) {
		both := record()
		both.Past = both.Past.With(both.Refresh)
		s, why := adopt(past(refresh(6), refresh(7)), past(text(both)))
		require.Empty(t, why)
		require.Equal(t, refresh(7), s.Refresh.Reveal())
	})
	t.Run("a birth in the future is none", func(t *testing.T) {
		edited := record()
		edited.AuthorizedAt = now.Add(300 * 24 * time.Hour)
		tokens := past(refresh(7))
		s, _ := adopt(tokens, past(text(edited)))
		require.Equal(t, tokens[0].Modified, s.Record.AuthorizedAt)
		require.Equal(t, family.FromAdoption, s.Record.AuthorizedAtSource)
		s, _ = adopt(tokens, past(text(record()), text(edited)))
		require.Equal(t, record().AuthorizedAt, s.Record.AuthorizedAt, "an earlier version tells it")
	})
	t.Run("a refusal is still known", func(t *testing.T) {
		refused := record().Fail(family.Failure{Class: "permanent", At: now.Add(-time.Hour), Token: fp(refresh(7))})
		s, _ := adopt(past(refresh(7)), past(text(refused)))
		require.True(t, s.Record.Refused())
	})
	t.Run("what came after the token that TOKEN_FAMILY names is judged, as its kin", func(t *testing.T) {
		tokens := past(refresh(6), refresh(7), refresh(8), refresh(6))
		s, _ := adopt(tokens, past(text(record())))
		require.Equal(t, family.Inbox{Judged: family.Judged{Seen: 2, Modified: tokens[3].Modified}, Kin: 4}, s.Inbox)
		d := decide(func(v *family.Snapshot) {
			v.State, v.RefreshToken = s, family.FieldOf(tokens[3])
			v.Offer(tokens)
		})
		require.Equal(t, family.Rotate, d.Action)
		require.Equal(t, int64(3), d.Candidate.Version, "it comes before the family's own, which may be older")
		kin := healthy()
		kin.State = s
		require.Equal(t, record().AuthorizedAt, kin.Offspring(d.Candidate).AuthorizedAt, "its age is the family's")
	})
}

// TOKEN_FAMILY of schema 2 tells of all tokens of its family, so another one in the
// history was never judged. The first edition's tells of the newest few.
func TestAdoptBesideWhatWasNeverJudged(t *testing.T) {
	for schema, c := range map[int]struct {
		want family.Judgement
		seen int64
	}{
		family.Schema: {family.Candidate, 0},
		1:             {family.Older, 2},
	} {
		t.Run(fmt.Sprintf("schema %d", schema), func(t *testing.T) {
			r, tokens := record(), past(refresh(109), refresh(7))
			r.Schema, r.Generation = schema, 0
			s, why := adopt(tokens, past(r.Encode().Reveal()))
			require.Empty(t, why)
			verdict, _ := s.Judge(family.FieldOf(tokens[0]))
			require.Equal(t, c.want, verdict)
			require.Equal(t, c.seen, s.Inbox.Seen)
		})
	}
}

// The first edition's lock and record told of a token in doubt.
func TestAdoptTakesADoubtOver(t *testing.T) {
	first := now.Add(-7 * time.Minute)
	lock := func(s *family.Snapshot) {
		s.Lock = field(`locked_1764000000000 {"owner":"dead/1","spending":"`+string(fp(refresh(7)))+`","first_spend":"`+first.Format(time.RFC3339)+`"}`, 1, now.Add(-3*time.Minute))
	}
	failed := record().Fail(family.Failure{Class: "ambiguous", At: now.Add(-4 * time.Minute), Token: fp(refresh(7)), FirstSpend: now.Add(-5 * time.Minute)})
	text := func(r family.Record) []store.Entry {
		r.Schema = 1
		return past(r.Encode().Reveal())
	}
	t.Run("from its lock", func(t *testing.T) {
		s, _ := adopt(past(refresh(7)), text(record()), lock)
		require.Equal(t, &family.Intent{Token: fp(refresh(7)), First: first, Last: now.Add(-3 * time.Minute)}, s.Intent)
	})
	t.Run("from its record", func(t *testing.T) {
		s, _ := adopt(past(refresh(7)), text(failed))
		require.Equal(t, &family.Intent{Token: fp(refresh(7)), First: now.Add(-5 * time.Minute), Last: now.Add(-4 * time.Minute)}, s.Intent)
	})
	t.Run("from both: the earlier of them", func(t *testing.T) {
		s, _ := adopt(past(refresh(7)), text(failed), lock)
		require.Equal(t, first, s.Intent.First)
	})
	t.Run("not of another token", func(t *testing.T) {
		s, _ := adopt(past(refresh(8)), text(failed), lock)
		require.Equal(t, refresh(8), s.Refresh.Reveal())
		require.Nil(t, s.Intent)
		require.Nil(t, s.Record.LastFailure)
	})
	t.Run("a refusal is taken over too", func(t *testing.T) {
		refused := record().Fail(family.Failure{Class: "permanent", At: now.Add(-time.Hour), Token: fp(refresh(7))})
		s, _ := adopt(past(refresh(7)), text(refused))
		require.True(t, s.Record.Refused())
	})
	t.Run("a lock that does not say when", func(t *testing.T) {
		at := now.Add(-3 * time.Minute)
		s, _ := adopt(past(refresh(7)), text(record()), func(s *family.Snapshot) {
			s.Lock = field(`locked_1 {"spending":"`+string(fp(refresh(7)))+`"}`, 1, at)
		})
		require.Equal(t, &family.Intent{Token: fp(refresh(7)), First: at, Last: at}, s.Intent)
	})
	t.Run("and the token that is in use, where TOKEN_FAMILY is gone", func(t *testing.T) {
		s, why := adopt(past(refresh(6), refresh(7), refresh(7)+refresh(7), refresh(7)), nil, lock)
		require.Empty(t, why)
		require.Equal(t, refresh(7), s.Refresh.Reveal())
		require.Equal(t, first, s.Intent.First)
		require.Equal(t, family.Inbox{Judged: family.Judged{Seen: 4, Modified: now.Add(-time.Hour)}, Kin: 4}, s.Inbox)
	})
	t.Run("but not in the place of the token that TOKEN_FAMILY names", func(t *testing.T) {
		ahead := record().Succeed(pair(8, now))
		s, _ := adopt(past(refresh(7), refresh(8)), text(ahead), lock)
		require.Equal(t, refresh(8), s.Refresh.Reveal())
	})
	t.Run("not a lock that cannot be read", func(t *testing.T) {
		for _, value := range []string{"locked_1764000000000", "locked_x {", `locked_1 {"spending":"` + string(fp(refresh(8))) + `"}`} {
			s, _ := adopt(past(refresh(7)), text(record()), func(s *family.Snapshot) { s.Lock = field(value, 1, now.Add(-3*time.Minute)) })
			require.Nil(t, s.Intent)
		}
	})
}

// Beside psoxy an access token that came not with the adopted token is psoxy's: it may have
// rotated, and the own token is presented at once. Elsewhere somebody has stored a newer one.
func TestAdoptBesideAnotherAccessToken(t *testing.T) {
	for _, c := range []struct {
		name           string
		change         given
		access, stored string
	}{
		{"psoxy's", beside, access(7), access(8)},
		{"the own token's", beside, access(7), access(7)},
		{"a person's", func(*family.Snapshot) {}, access(8), access(8)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := record()
			r.Schema = 1
			s, why := adopt(past(refresh(7)), past(r.Encode().Reveal()), c.change, func(s *family.Snapshot) {
				s.AccessToken, s.AccessExpires = field(c.stored, 9, now.Add(-minute)), now.Add(59*minute)
			})
			require.Empty(t, why)
			require.Equal(t, fp(c.access), s.Record.Access)
			d := decide(c.change, func(v *family.Snapshot) { v.State, v.AccessToken = s, field(c.stored, 9, now.Add(-minute)) })
			require.Equal(t, c.access != c.stored, d.Action == family.Rotate, d.Reason)
		})
	}
}
