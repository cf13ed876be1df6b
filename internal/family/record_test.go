package family_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestRecordRoundTrip(t *testing.T) {
	r := record().Fail(family.Failure{Class: "ambiguous", At: now, Token: fp("refresh-7"), FirstSpend: now})
	got, err := family.ParseRecord(r.Encode().Reveal(), conn)
	require.NoError(t, err)
	require.Equal(t, r, got)
}

func TestParseRecordSaysWhatIsWrong(t *testing.T) {
	change := func(f func(*family.Record)) string {
		r := record()
		f(&r)
		return r.Encode().Reveal()
	}
	for _, c := range []struct{ value, want string }{
		{"hello", "not the JSON"},
		{canary, "not the JSON"},
		{`{"schema":1`, "not the JSON"},
		{`[]`, "not the JSON"},
		{change(func(r *family.Record) { r.Schema = 2 }), "schema 2"},
		{change(func(r *family.Record) { r.Schema = 0 }), "schema 0"},
		{change(func(r *family.Record) { r.Connection = "OTHER_" }), `another connection, "OTHER_"`},
		{change(func(r *family.Record) { r.Connection = canary }), "another connection"},
		{change(func(r *family.Record) { r.AuthorizedAt = time.Time{} }), "authorized_at"},
		{change(func(r *family.Record) { r.RotatedAt = now.AddDate(1000, 0, 0) }), "2000 and 3000"},
		{change(func(r *family.Record) { r.Refresh = "" }), "fingerprint"},
	} {
		_, err := family.ParseRecord(c.value, conn)
		require.ErrorContains(t, err, c.want)
		require.NotContains(t, err.Error(), canary)
	}
}

func TestSucceedAndFail(t *testing.T) {
	r := record()
	for range 3 {
		r = r.Fail(family.Failure{Class: "transient", At: now, Token: r.Refresh})
	}
	require.Equal(t, 3, r.LastFailure.Count)
	r = r.Fail(family.Failure{Class: "ambiguous", At: now, Token: r.Refresh})
	require.Equal(t, 1, r.LastFailure.Count)

	next := r.Succeed(family.Pair{Refresh: secret("refresh-8"), Access: secret("access-8"), SpentAt: now, AccessExpiresAt: now.Add(time.Hour)})
	require.Equal(t, 8, next.Generation)
	require.Equal(t, []family.Fingerprint{fp("refresh-7"), fp("refresh-6")}, next.Previous)
	require.Nil(t, next.LastFailure)
	require.Equal(t, r.AuthorizedAt, next.AuthorizedAt, "rotating does not lengthen the family's life")

	kept := r.Succeed(family.Pair{Refresh: secret("refresh-7"), Access: secret("access-8"), SpentAt: now})
	require.Equal(t, 7, kept.Generation, "no successor, no generation")

	for i := range 20 {
		next = next.Succeed(family.Pair{Refresh: secret(strings.Repeat("x", i+1)), Access: secret("a"), SpentAt: now})
	}
	require.Len(t, next.Previous, 5)
}

func TestNoSecretInRecordOrLock(t *testing.T) {
	pair := family.Pair{Refresh: secret("canary-refresh"), Access: secret("canary-access"), SpentAt: now, AccessExpiresAt: now}
	require.NotContains(t, record().Succeed(pair).Encode().Reveal(), "canary")
	held, err := json.Marshal(family.Held{Pair: pair})
	require.Error(t, err, "what is held in memory is not for storing")
	require.NotContains(t, string(held)+err.Error(), "canary")
}

func TestAccessTokenForms(t *testing.T) {
	expires := time.UnixMilli(1639526410000)
	token := secret("eyJ<&>.x")
	require.Equal(t, token, family.Raw.EncodeAccessToken(token, expires))
	require.Equal(t, `{"token":"eyJ<&>.x","expirationDate":1639526410000}`, family.PsoxyJSON.EncodeAccessToken(token, expires).Reveal())

	_, err := family.ParseAccessFormat("xml")
	require.ErrorContains(t, err, `"xml"`)

	for _, c := range []struct {
		stored, token string
		expires       time.Time
	}{
		{"raw-token", "raw-token", time.Time{}},
		{`{"token":"t","expirationDate":1639526410000}`, "t", expires.UTC()},
		{`{"token":"t"}`, "t", time.Time{}},
		{`{"token":"t","expirationDate":1639526410000000}`, "t", time.Time{}},
		{`{"broken`, `{"broken`, time.Time{}},
		{"fill me", "", time.Time{}},
	} {
		s := family.NewSnapshot(conn, map[string]store.Entry{names.AccessToken: {Value: secret(c.stored), Version: 1}})
		require.Equal(t, c.token, s.AccessToken.Value.Reveal())
		require.Equal(t, c.expires, s.AccessExpires)
	}
}

func TestLockForms(t *testing.T) {
	in := family.Intent{Owner: "p/1", Spending: fp("x"), FirstSpend: now.Add(-time.Minute), Attempt: now}
	value := family.EncodeLock(now, in)
	require.Regexp(t, `^locked_\d{13} \{`, value.Reveal(), "psoxy's form comes first")
	l := family.ParseLock(store.Entry{Value: value, Version: 3, Modified: now})
	require.Equal(t, now, l.At)
	require.Equal(t, &in, l.Intent)

	for _, value := range []string{"", "locked_", "locked_abc", "locked_99999999999999999999", "locked_-1", "garbage", "locked_1764000000000 {", "locked_1764000000000 []"} {
		l := family.ParseLock(store.Entry{Value: secret(value), Version: 1, Modified: now})
		require.Nil(t, l.Intent, value)
	}
}

// Whatever stands in the store, deciding neither panics nor reveals it.
func TestDecideTakesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := params{}
		value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"refresh-7", "fill me", "{", "locked_1764000000000",
			record().Encode().Reveal(), family.EncodeLock(now, family.Intent{Owner: "o/1", Spending: fp("refresh-7"), FirstSpend: now}).Reveal()}))
		for _, n := range []string{names.ClientID, names.ClientSecret, names.RefreshToken, names.AccessToken, names.Family, names.Lock} {
			if rapid.Bool().Draw(t, "there") {
				p.set(n, value.Draw(t, n), now.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "age"))))
			}
		}
		d := decide(p)
		secretValue := p[names.RefreshToken].Value
		if len(secretValue.Reveal()) > 20 {
			require.NotContains(t, d.Reason, secretValue.Reveal())
		}
		if d.Action == family.Rotate || d.Action == family.Replay || d.Action == family.LateProbe {
			require.False(t, family.FieldOf(p[names.RefreshToken]).Value.IsZero(), "nothing to spend")
			require.NotEqual(t, atlassian.Secret{}, p[names.ClientSecret].Value)
		}
	})
}

func TestCheckConnection(t *testing.T) {
	for _, good := range []string{"PSOXY_JIRA_CLOUD_", "/corp/PSOXY_JIRA_CLOUD_", "/a/", "a-", "a."} {
		require.NoError(t, family.CheckConnection(good))
	}
	for _, bad := range []string{"", "PSOXY_JIRA_CLOUD", "a b_", "corp/A_", "//a_", "é_", strings.Repeat("a", 900) + "_"} {
		require.ErrorContains(t, family.CheckConnection(bad), `": `, bad)
	}
}
