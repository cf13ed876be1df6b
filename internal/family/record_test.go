package family_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// canary stands for a secret that was stored in the wrong place. It is as long
// as the shortest of tokens.
const canary = "canary-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"

func TestRecordRoundTrip(t *testing.T) {
	r := record().Fail(family.Failure{Class: "ambiguous", At: now, Token: fp(refresh(7)), FirstSpend: now})
	got, err := family.ParseRecord(r.Encode().Reveal(), conn)
	require.NoError(t, err)
	require.Equal(t, r, got)
}

// The first edition listed the last five tokens by their fingerprints.
func TestARecordOfTheFirstEdition(t *testing.T) {
	text := strings.Replace(record().Encode().Reveal(), `"past":"`+string(record().Past)+`"`,
		`"previous_refresh_tokens":["`+string(fp(refresh(6)))+`","`+string(fp(refresh(5)))+`"]`, 1)
	require.Contains(t, text, "previous_refresh_tokens")
	got, err := family.ParseRecord(text, conn)
	require.NoError(t, err)
	require.Equal(t, record(), got)
}

func TestParseRecordSaysWhatIsWrong(t *testing.T) {
	change := func(f func(*family.Record)) string {
		r := record()
		f(&r)
		return r.Encode().Reveal()
	}
	for _, c := range []struct{ name, value, want string }{
		{"no JSON", "hello", "not the JSON"},
		{"a secret", canary, "not the JSON"},
		{"cut short", `{"schema":1`, "not the JSON"},
		{"another kind of JSON", `[]`, "not the JSON"},
		{"of a later edition", change(func(r *family.Record) { r.Schema = family.Schema + 1 }), "schema 3"},
		{"of another connection", change(func(r *family.Record) { r.Connection = "OTHER_" }), `another connection, "OTHER_"`},
		{"of a secret's connection", change(func(r *family.Record) { r.Connection = canary }), "another connection"},
		{"without a birth", change(func(r *family.Record) { r.AuthorizedAt = time.Time{} }), "authorized_at"},
		{"of the far future", change(func(r *family.Record) { r.AuthorizedAt = now.AddDate(1000, 0, 0) }), "2000 and 3000"},
		{"without a token", change(func(r *family.Record) { r.Refresh = "" }), "fingerprint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := family.ParseRecord(c.value, conn)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), canary)
		})
	}
	t.Run("a code that is none is dropped", func(t *testing.T) {
		r := record().Fail(family.Failure{Class: "permanent", Code: canary, At: now, Token: fp(refresh(7))})
		got, err := family.ParseRecord(r.Encode().Reveal(), conn)
		require.NoError(t, err)
		require.Empty(t, got.LastFailure.Code)
	})
}

// What people and programs do to a text does not cost the age.
func TestARecordThatWasEdited(t *testing.T) {
	r := record()
	text := r.Encode().Reveal()
	quoted, err := json.Marshal(text)
	require.NoError(t, err)
	for _, edited := range []string{
		"\ufeff" + text, "'" + text + "'", string(quoted), strings.TrimSuffix(text, "}") + ",}", strings.TrimSuffix(text, "}"),
		strings.Replace(text, `"schema":2,`, "", 1), strings.Replace(text, `"schema":2`, `"schema":0`, 1),
	} {
		got, err := family.ParseRecord(edited, conn)
		require.NoError(t, err, edited)
		require.Equal(t, r, got, edited)
	}
	failed := r.Fail(family.Failure{Class: "transient", At: now, Token: r.Refresh})
	failed.AccessExpiresAt, failed.LastFailure.RetryAt = now.AddDate(2000, 0, 0), now.AddDate(-50, 0, 0)
	got, err := family.ParseRecord(failed.Encode().Reveal(), conn)
	require.NoError(t, err)
	require.Equal(t, r.AuthorizedAt, got.AuthorizedAt)
	require.Zero(t, got.AccessExpiresAt)
	require.Zero(t, got.LastFailure.RetryAt)
}

func TestSucceed(t *testing.T) {
	r := record().Fail(family.Failure{Class: "ambiguous", At: now, Token: fp(refresh(7))})
	r.Scopes = []string{"a"}
	next := r.Succeed(pair(8, now))
	require.Equal(t, 8, next.Generation)
	require.True(t, next.Past.Has(fp(refresh(7))))
	require.Nil(t, next.LastFailure)
	require.Equal(t, r.AuthorizedAt, next.AuthorizedAt, "rotating does not lengthen the family's life")
	require.Equal(t, now, next.RotatedAt)
	require.Equal(t, []string{"a"}, next.Scopes, "an answer without scopes changes none")
	require.True(t, next.Succeeds(&r))
	require.False(t, next.Succeeds(nil))
	require.False(t, next.Succeeds(&next))
	require.False(t, r.Past.Has(fp(refresh(7))), "the old record stays as it was")

	kept := pair(7, now)
	require.Equal(t, 7, r.Succeed(kept).Generation, "no successor, no generation")
	require.False(t, r.Succeed(kept).Past.Has(fp(refresh(7))))
	for i := range 500 {
		next = next.Succeed(pair(9+i, now))
	}
	require.Len(t, next.Past, 200*5)
}

func TestFailuresAreCounted(t *testing.T) {
	r := record()
	for i := range 3 {
		r = r.Fail(family.Failure{Class: "malformed", Code: "invalid_request", At: now.Add(time.Duration(i) * 40 * minute), Token: r.Refresh})
	}
	require.Equal(t, 3, r.LastFailure.Count)
	require.Equal(t, now, r.LastFailure.Since)
	require.False(t, r.Refused())
	fourth := family.Failure{Class: "malformed", Code: "invalid_request", At: now.Add(2 * time.Hour), Token: r.Refresh}
	require.True(t, r.Fail(fourth).Refused(), "four times, and over an hour")
	fourth.Code = ""
	require.False(t, r.Fail(fourth).Refused(), "it was no token endpoint that answered")
	require.Equal(t, 1, r.Fail(fourth).LastFailure.Count, "and is counted anew")
	r = r.Fail(family.Failure{Class: "transient", At: now, Token: r.Refresh})
	require.Equal(t, 1, r.LastFailure.Count, "of another class, counted anew")
	r = r.Fail(family.Failure{Class: "transient", At: now, Token: fp("another")})
	require.Equal(t, 1, r.LastFailure.Count, "of another token, counted anew")
}

func TestTheFamilysEnds(t *testing.T) {
	r := record()
	require.Equal(t, r.AuthorizedAt.Add(365*24*time.Hour), r.ExpiresAt(365*24*time.Hour))
	require.Equal(t, r.RotatedAt.Add(90*24*time.Hour), r.InactiveAt())
	r.RotatedAt = time.Time{}
	require.Equal(t, r.AuthorizedAt.Add(90*24*time.Hour), r.InactiveAt())
}

func TestNoSecretInARecord(t *testing.T) {
	p := family.Pair{Refresh: secret(canary + "-refresh"), Access: secret(canary + "-access"), SpentAt: now, AccessExpiresAt: now}
	for _, r := range []family.Record{record().Succeed(p), consented(p, record())} {
		require.NotContains(t, r.Encode().Reveal(), "canary")
	}
	_, err := json.Marshal(family.Receipt{Pair: p})
	require.Error(t, err, "a received pair is never encoded by accident")
	require.NotContains(t, err.Error(), "canary")
}

func TestAccessTokenOfASnapshot(t *testing.T) {
	read := func(value string) family.Snapshot {
		return family.NewSnapshot(family.Connection{Name: conn}, map[string]store.Entry{names.AccessToken: {Value: secret(value), Version: 1}})
	}
	s := read(`{"token":"t","expirationDate":1639526410000}` + "\n")
	require.Equal(t, []any{"t", time.UnixMilli(1639526410000).UTC(), psoxy.JSON}, []any{s.AccessToken.Value.Reveal(), s.AccessExpires, s.AccessFormat})
	require.Zero(t, read(psoxy.Unfilled).AccessToken.Value)
}

func TestNamesOfAConnection(t *testing.T) {
	require.Equal(t, "PSOXY_JIRA_CLOUD_TOKEN_LEDGER", family.Connection{Name: conn}.Names().Ledger)
	require.Equal(t, "/out/of/reach", family.Connection{Name: conn, Ledger: "/out/of/reach"}.Names().Ledger)
	require.Equal(t, "PSOXY_JIRA_CLOUD_REFRESH_TOKEN", family.Connection{Name: conn, Ledger: "/x"}.Names().RefreshToken)
}

func TestUrgent(t *testing.T) {
	for _, c := range []struct {
		name  string
		given given
		want  bool
	}{
		{"nothing is in doubt", dueAnyway, false},
		{"in doubt inside the leeway", once("", 3*minute), true},
		{"at its last moment", once("", usable-nano), true},
		{"over", once("", usable), false},
		{"over for the first attempt, about to end for the last", attempt("", 30*minute, 6*minute), true},
		{"over for both", attempt("", 30*minute, usable), false},
		{"an empty ledger beside a lock, and REFRESH_TOKEN cannot be read", func(s *family.Snapshot) {
			s.State, s.Lock = family.State{}, field("locked_1764000000000", 3, now.Add(-3*minute))
			unreadable(s)
		}, true},
		{"a pair is held", func(s *family.Snapshot) { r := receipt(now); s.Held = &r }, true},
		{"a candidate in doubt", all(pending(3*minute), inbox(refresh(109))), true},
		{"a candidate, while the own token in doubt can be replayed", all(doubted(usable-nano), inbox(refresh(109))), true},
		{"a candidate, and the own leeway is over", all(doubted(usable), inbox(refresh(109))), false},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, decide(c.given).Urgent(now)) })
	}
}

// The store may hold anything. Deciding neither panics nor reveals it, and presents
// only what is there.
func TestDecideTakesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{refresh(7), refresh(6), refresh(109), "fill me", "{", "locked_1764000000000",
			record().Encode().Reveal(), rotating("chain", now)}))
		at := func(label string) time.Time {
			return now.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, label)))
		}
		entries := map[string]store.Entry{}
		for _, n := range []string{names.ClientID, names.ClientSecret, names.RefreshToken, names.AccessToken, names.Family, names.Lock, names.CloudID} {
			if rapid.Bool().Draw(t, "there") {
				entries[n] = store.Entry{Value: secret(value.Draw(t, n)), Version: rapid.Int64Range(1, 20).Draw(t, "version"), Modified: at("age"), ReadAt: now}
			}
		}
		s := family.NewSnapshot(family.Connection{Name: conn}, entries)
		s.Now, s.Process = now, "me"
		if rapid.Bool().Draw(t, "ledger") {
			s.State = state()
			if rapid.Bool().Draw(t, "intent") {
				s.State.Intent = &family.Intent{Owner: rapid.SampledFrom([]string{"", "me", "other"}).Draw(t, "owner"),
					Token: rapid.SampledFrom([]family.Fingerprint{fp(refresh(7)), fp(refresh(109)), ""}).Draw(t, "token"), First: at("first"), Last: at("last")}
			}
		}
		s.Offer([]store.Entry{entries[names.RefreshToken]})
		d := family.Decide(s, family.DefaultPolicy())
		if token := s.RefreshToken.Value; token.Len() > 20 {
			require.False(t, strings.Contains(d.Reason+d.Notice, token.Reveal()))
		}
		if !d.Action.Presents() {
			return
		}
		presented := s.State.Refresh
		if d.Candidate.Version > 0 {
			presented = d.Candidate.Value
			verdict, _ := s.State.Judge(d.Candidate)
			require.Equal(t, family.Candidate, verdict)
		}
		require.False(t, presented.IsZero(), "nothing to present")
		require.False(t, s.App().ClientSecret.IsZero())
		require.False(t, d.Action == family.Replay && now.Sub(d.FirstSpend) >= family.Leeway-family.LeewayMargin)
	})
}

// Codes of a gateway do not add up to a refusal with one of Atlassian's.
func TestMixedCodesAreNoRefusal(t *testing.T) {
	r := record()
	for i, code := range []string{"gateway_blocked", "gateway_blocked", "gateway_blocked", "gateway_blocked", "invalid_request"} {
		r = r.Fail(family.Failure{Class: "malformed", Code: code, Token: r.Refresh, At: now.Add(time.Duration(i) * 30 * time.Minute)})
	}
	require.False(t, r.Refused())
}
