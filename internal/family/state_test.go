package family_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

func TestPast(t *testing.T) {
	t.Run("remembers what it was given", func(t *testing.T) {
		var p family.Past
		for i := range 300 {
			p = p.With(fp(refresh(i)))
		}
		require.Len(t, p, 200*5)
		for i := range 300 {
			require.Equal(t, i >= 100, p.Has(fp(refresh(i))), i)
		}
	})
	t.Run("once", func(t *testing.T) {
		p := family.Past("").With(fp("a")).With(fp("b"))
		require.Equal(t, p, p.With(fp("a")))
	})
	t.Run("nothing but tokens", func(t *testing.T) {
		for _, none := range []family.Fingerprint{"", "x", "0123", "not hex at all"} {
			require.Empty(t, family.Past("").With(none), none)
			require.False(t, family.Past("AAAAA").Has(none), none)
		}
	})
	t.Run("not what lies across two of them", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			known := rapid.SliceOfNDistinct(rapid.IntRange(0, 500), 1, 50, rapid.ID[int]).Draw(t, "known")
			var p family.Past
			for _, k := range known {
				p = p.With(fp(refresh(k)))
			}
			require.False(t, p.Has(fp(refresh(rapid.IntRange(501, 999).Draw(t, "stranger")))))
		})
	})
	t.Run("what a person has put there does not break it", func(t *testing.T) {
		for _, odd := range []family.Past{"x", "abcd", "abcdef", "ä", family.Past(strings.Repeat("x", 5000))} {
			require.NotPanics(t, func() {
				p := odd.With(fp("a"))
				require.True(t, p.Has(fp("a")))
				require.LessOrEqual(t, len(p), 200*5)
			})
		}
	})
}

func TestStateIsReadAsItWasWritten(t *testing.T) {
	written := now.Add(time.Minute)
	at := now.Add(-time.Hour)
	full := state()
	full.Intent = &family.Intent{Owner: "other", Token: fp("candidate"), Candidate: 9, First: at, Last: at}
	full.Doubt = &family.Intent{Token: fp(refresh(7)), First: at, Last: at}
	full.Inbox = family.Inbox{Judged: family.Judged{Seen: 8, Modified: at}, Pending: []family.Pending{{Version: 9, Token: fp("candidate"), First: at}},
		Rejected: []family.Rejected{{Version: 7, Credentials: "0123456789ab", At: at, Count: 2}}}
	full.App = &atlassian.App{ClientID: "new-app", ClientSecret: secret("new-secret")}
	full.Record = full.Record.Fail(family.Failure{Class: "ambiguous", Code: "x", At: at, Token: fp(refresh(7)), FirstSpend: at, RetryAt: at})
	for name, s := range map[string]family.State{"healthy": state(), "with everything": full, "empty": {}} {
		t.Run(name, func(t *testing.T) {
			got, err := family.ParseState(s.Encode(), written, conn)
			require.NoError(t, err)
			require.Equal(t, s, got)
			require.Equal(t, name == "empty", got.Empty())
		})
	}
	t.Run("an intent is dated by the store", func(t *testing.T) {
		got, err := family.ParseState(state().Intending("me", fp(refresh(7)), 0, time.Time{}).Encode(), written, conn)
		require.NoError(t, err)
		require.Equal(t, written, got.Intent.First)
		require.Equal(t, written, got.Intent.Last)
	})
	t.Run("one of a candidate too", func(t *testing.T) {
		got, err := family.ParseState(state().Intending("me", fp("candidate"), 9, time.Time{}).Encode(), written, conn)
		require.NoError(t, err)
		require.Equal(t, []family.Pending{{Version: 9, Token: fp("candidate"), First: written}}, got.Inbox.Pending)
	})
	t.Run("an empty text", func(t *testing.T) {
		got, err := family.ParseState(atlassian.Secret{}, written, conn)
		require.NoError(t, err)
		require.True(t, got.Empty())
	})
}

func TestParseStateSaysWhatIsWrong(t *testing.T) {
	other := state()
	other.Refresh = secret("another-token-than-described")
	for _, c := range []struct{ text, want string }{
		{"hello", "not the JSON"},
		{`{"refresh":"` + refresh(7), "not the JSON"},
		{`{"refresh":"x"}`, "not the JSON"},
		{strings.Replace(state().Encode().Reveal(), conn, "OTHER_", 1), "another connection"},
		{strings.Replace(state().Encode().Reveal(), `"schema":2`, `"schema":3`, 1), "schema 3"},
		{other.Encode().Reveal(), "another refresh token"},
	} {
		_, err := family.ParseState(secret(c.text), now, conn)
		require.ErrorContains(t, err, c.want)
		requireNoSecret(t, err.Error(), refresh(7))
	}
}

// The times of earlier attempts with the same token are carried on: the leeway
// counts from the first of all.
func TestIntending(t *testing.T) {
	first, since := now.Add(-8*time.Minute), now.Add(-3*time.Minute)
	own := fp(refresh(7))
	doubted := state().Intending("dead", own, 0, first)
	t.Run("own token", func(t *testing.T) {
		require.Equal(t, &family.Intent{Owner: "me", Token: own, First: first}, doubted.Intending("me", own, 0, time.Time{}).Intent)
		require.Equal(t, first, doubted.Intending("me", own, 0, since).Intent.First)
		require.Equal(t, first.Add(-time.Minute), doubted.Intending("me", own, 0, first.Add(-time.Minute)).Intent.First)
	})
	t.Run("of another token nothing is carried on", func(t *testing.T) {
		require.Zero(t, doubted.Intending("me", fp("other"), 0, time.Time{}).Intent.First)
	})
	t.Run("a candidate keeps the doubt about the own token", func(t *testing.T) {
		s := doubted.Intending("me", fp("candidate"), 9, time.Time{})
		require.Equal(t, first, s.Doubt.First)
		require.Equal(t, own, s.Doubt.Token)
		require.Zero(t, s.Intent.First, "the candidate was not presented yet")
		require.Zero(t, s.Inbox.Pending[0].First)
		s = s.Intending("me", fp("another"), 10, time.Time{})
		require.Equal(t, first, s.Doubt.First, "and a second one too")
	})
	t.Run("a candidate in doubt keeps its first time", func(t *testing.T) {
		s := state().Intending("dead", fp("candidate"), 9, time.Time{})
		s.Inbox.Pending[0].First, s.Intent.First = first, first
		s = s.Intending("me", fp("candidate"), 9, since)
		require.Equal(t, first, s.Inbox.Pending[0].First)
		require.Equal(t, first, s.Intent.First)
		s = s.Intending("me", own, 0, time.Time{}).Intending("me", fp("candidate"), 9, time.Time{})
		require.Equal(t, first, s.Intent.First, "also where the own token was presented in between")
		s = s.Intending("me", fp("another"), 10, since).Intending("me", fp("candidate"), 9, time.Time{})
		require.Equal(t, first, s.Intent.First, "or another candidate")
		require.Len(t, s.Inbox.Pending, 2)
		require.Equal(t, []int64{9, 10}, []int64{s.Inbox.Pending[0].Version, s.Inbox.Pending[1].Version})
	})
	t.Run("where a candidate was refused since, a later attempt may be the first to arrive", func(t *testing.T) {
		s := state()
		s.Inbox.Rejected = []family.Rejected{{Version: 9, At: since, First: first}}
		for written, want := range map[time.Time]time.Time{now: now, since: first} {
			read, err := family.ParseState(s.Intending("dead", fp("candidate"), 9, time.Time{}).Encode(), written, conn)
			require.NoError(t, err)
			require.Equal(t, want, read.Inbox.Pending[0].First)
			require.Equal(t, want, read.Intending("me", fp("candidate"), 9, time.Time{}).Intent.First)
		}
	})
	t.Run("so many candidates in doubt are remembered", func(t *testing.T) {
		s := state()
		for version := range int64(20) {
			s = s.Intending("me", fp("candidate"), version+1, since)
		}
		require.Len(t, s.Inbox.Pending, 8)
		require.Equal(t, int64(20), s.Inbox.Pending[0].Version)
	})
	t.Run("it does not change what it was made from", func(t *testing.T) {
		s := state()
		s.Inbox.Rejected = []family.Rejected{{Version: 3}, {Version: 2}}
		s.Inbox.Seen = 102
		before := s.Encode()
		s.Intending("me", fp("candidate"), 103, time.Time{})
		require.Equal(t, before, s.Encode())
	})
	t.Run("candidates that the history no longer has are forgotten", func(t *testing.T) {
		s := state()
		s.Inbox = family.Inbox{Judged: family.Judged{Seen: 110}, Pending: []family.Pending{{Version: 10, Token: fp("x"), First: first}},
			Rejected: []family.Rejected{{Version: 11}, {Version: 10}}}
		s = s.Intending("me", own, 0, time.Time{})
		require.Empty(t, s.Inbox.Pending)
		require.Equal(t, []family.Rejected{{Version: 11}}, s.Inbox.Rejected)
	})
}

// A parameter of up to 4,096 bytes is free; beyond that the advanced tier is not.
func TestAnEntryFitsIntoTheStandardTier(t *testing.T) {
	em := atlassiantest.New(atlassiantest.Config{})
	_, err := em.AddFixture()
	require.NoError(t, err)
	tokens, err := em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	require.InDelta(t, 1500, tokens.Refresh.Len(), 150, "as long as Atlassian's of today")

	s := family.State{Refresh: tokens.Refresh, Record: record(), Inbox: family.Inbox{Judged: family.Judged{Seen: 88000}}}
	s.Record.Refresh, s.Record.Chain = family.FingerprintOf(tokens.Refresh), fp("chain")
	s.Record.Scopes = append(atlassiantest.ConnectorScopes(), "read:audit-log:jira", "manage:jira-configuration")
	s.Record.Account, s.Record.CloudID, s.Record.SiteURL = fp("account"), "11223344-a1b2-3b33-c444-def123456789", "https://a-company-with-a-name.atlassian.net"
	s.Record.AccessFormat, s.Record.Client = psoxy.JSON, fp("client-id")
	s.Record.Consent, s.Record.RedirectURI = strings.Repeat("0123456789abcdef", 2), "https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-west-1.on.aws/callback"
	for i := range 200 {
		s.Record.Past = s.Record.Past.With(fp(refresh(i)))
	}
	require.Len(t, s.Record.Past, 1000)
	worst := s.Intending("process-0123", s.Record.Refresh, 0, now).Intending("process-0123", fp("candidate"), 88001, now)
	worst.Record = worst.Record.Fail(family.Failure{Class: "configuration", Code: "unauthorized_client", At: now, Token: s.Record.Refresh, Credentials: fp("x"), FirstSpend: now, RetryAt: now})
	for i := range int64(8) {
		worst.Inbox.Rejected = append(worst.Inbox.Rejected, family.Rejected{Version: 88001 + i, Credentials: fp("x"), At: now, Count: 10})
	}
	for name, s := range map[string]family.State{"healthy": s, "with all that can be in doubt": worst} {
		t.Run(name, func(t *testing.T) {
			mem := memstore.New(func() time.Time { return now })
			log := ledger.Parameter{Store: mem, Name: names.Ledger}
			l := &ledger.Ledger{Log: log, Of: "/a/root/path/" + conn}
			base := ledger.Entry{}
			for n := range 2 {
				base, err = l.Put(t.Context(), ledger.NewDraft("/a/root/path/"+conn, base, s.Encode(), now, strings.Repeat("m", 16)+"/100"+string(rune('0'+n))))
				require.NoError(t, err)
			}
			found, err := mem.Read(t.Context(), names.Ledger)
			require.NoError(t, err)
			require.LessOrEqual(t, found[names.Ledger].Value.Len(), 4096)

			read, err := family.ParseState(base.State, now, conn)
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(read.Record.Past), 60*5, "enough of the older tokens is kept")
			require.True(t, read.Record.Past.Has(fp(refresh(199))), "the newest of them")
			require.Equal(t, s.Refresh, read.Refresh)
		})
	}
	t.Run("a token that leaves no room keeps sixty all the same", func(t *testing.T) {
		s := s
		s.Refresh = secret(strings.Repeat("x", 6000))
		s.Record.Refresh = family.FingerprintOf(s.Refresh)
		read, err := family.ParseState(s.Encode(), now, conn)
		require.NoError(t, err)
		require.Len(t, read.Record.Past, 60*5)
	})
}

// FuzzParseState: whatever an entry says, reading it does not panic and shows no
// secret; what it accepts is written and read back the same.
func FuzzParseState(f *testing.F) {
	whole := state().Intending("me", fp("candidate"), 9, now).Encode().Reveal()
	for _, s := range []string{whole, state().Encode().Reveal(), "", "{}", "null", "{", strings.Replace(whole, `"seen":8`, `"seen":-1`, 1),
		strings.Replace(whole, "2026-", "9999-", 2), strings.Replace(whole, `"intent":{`, `"intent":null,"x":{`, 1)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := family.ParseState(secret(text), now, conn)
		if err != nil {
			require.False(t, strings.Contains(err.Error(), refresh(7)))
			return
		}
		require.True(t, json.Valid([]byte(s.Encode().Reveal())))
		again, err := family.ParseState(s.Encode(), now, conn)
		require.NoError(t, err)
		require.Equal(t, s.Encode(), again.Encode())
		snapshot := healthy()
		snapshot.State = s
		require.NotEmpty(t, family.Decide(snapshot, family.DefaultPolicy()).Reason)
	})
}

// An entry that an earlier build wrote while it had one candidate in doubt is read all the
// same.
func TestAnEntryWithOneCandidateInDoubt(t *testing.T) {
	text := strings.Replace(state().Encode().Reveal(), `"seen":`, `"pending":{"version":9,"token":"0123456789ab"},"seen":`, 1)
	require.Contains(t, text, "pending")
	read, err := family.ParseState(secret(text), now, conn)
	require.NoError(t, err)
	require.Equal(t, state().Refresh, read.Refresh)
	require.Empty(t, read.Inbox.Pending)
}

// What a person stores while a consent's tokens wait for a decision is no older than these.
// Beside psoxy it may be a rotation of the family before.
func TestWhatIsStoredWhileAConsentWaits(t *testing.T) {
	stored := func(change ...given) *family.Receipt {
		s := healthy()
		s.Offers = []family.Field{field("stored-before", 9, now.Add(-time.Hour)), field("stored-since", 10, now)}
		s.RefreshToken = s.Offers[1]
		all(change...)(&s)
		return s.Consented(family.Pair{Refresh: secret(refresh(50)), SpentAt: now.Add(-30 * minute)}, family.DefaultPolicy())
	}
	r := stored()
	require.Equal(t, int64(9), r.Candidate)
	require.True(t, r.Record.Past.Has(fp("stored-before")))
	require.False(t, r.Record.Past.Has(fp("stored-since")))
	r = stored(beside)
	require.Equal(t, int64(10), r.Candidate)
	require.True(t, r.Record.Past.Has(fp("stored-since")))
}

// A consent's app that is not published yet gives way to what a person has stored since.
func TestApp(t *testing.T) {
	s := healthy()
	born := s.State.Record.AuthorizedAt
	s.State.App = &atlassian.App{ClientID: "consents-id", ClientSecret: secret("consents-secret")}
	for _, c := range []struct {
		name               string
		id, secretOf       family.Field
		wantID, wantSecret string
		published          bool
	}{
		{"stored before", field("stored-id", 1, born.Add(-minute)), field("stored-secret", 1, born.Add(-minute)), "consents-id", "consents-secret", false},
		{"the secret since, of the app before", field("stored-id", 1, born.Add(-minute)), field("stored-secret", 2, born.Add(minute)), "consents-id", "consents-secret", false},
		{"the secret since", field("consents-id", 1, born.Add(-minute)), field("stored-secret", 2, born.Add(minute)), "consents-id", "stored-secret", true},
		{"both since", field("stored-id", 2, born.Add(minute)), field("stored-secret", 2, born.Add(minute)), "stored-id", "stored-secret", true},
		{"emptied since", field("", 2, born.Add(minute)), field("", 2, born.Add(minute)), "consents-id", "consents-secret", false},
		{"published", field("consents-id", 2, born), field("consents-secret", 2, born), "consents-id", "consents-secret", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s
			s.ClientID, s.ClientSecret = c.id, c.secretOf
			require.Equal(t, atlassian.App{ClientID: c.wantID, ClientSecret: secret(c.wantSecret)}, s.App())
			require.Equal(t, c.published, family.Corrected(s).State.App == nil)
		})
	}
}
