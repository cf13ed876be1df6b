package family_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// canary stands for a secret that was stored in the wrong place. It is as long
// as the shortest of tokens.
const canary = "canary-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"

// FuzzParseRecord: whatever stands in TOKEN_FAMILY, reading it does not panic
// and quotes no secret; what it accepts can be written, and reads back the same.
func FuzzParseRecord(f *testing.F) {
	whole := record().Fail(family.Failure{Class: "ambiguous", Code: "x", At: now, Token: fp("refresh-7"), FirstSpend: now, RetryAt: now}).Encode().Reveal()
	for _, s := range []string{whole, "", "null", "{", "[]", `{"schema":2}`, `{"schema":1,"connection":"`, `{"access_token":"`,
		strings.Replace(whole, `"PSOXY_JIRA_CLOUD_"`, `"OTHER_"`, 1), strings.Replace(whole, "2026-11-24T04:00:00Z", "0000-01-01T00:00:00+23:59", 1),
		strings.ReplaceAll(whole, "2026-11-24T04:00:00Z", "9999-12-31T23:59:59-23:59")} {
		f.Add(s, "")
		f.Add(s, `"}`)
	}
	f.Fuzz(func(t *testing.T, head, tail string) {
		for _, value := range []string{head + tail, head + canary + tail} {
			r, err := family.ParseRecord(value, conn)
			if err != nil {
				require.NotContains(t, err.Error(), canary)
				continue
			}
			require.Equal(t, conn, r.Connection)
			require.NotEmpty(t, r.Refresh)
			again, err := family.ParseRecord(r.Encode().Reveal(), conn)
			require.NoError(t, err)
			require.Equal(t, r.Encode(), again.Encode())
			// What follows from it can be written too.
			require.NotPanics(t, func() {
				next := r.Succeed(family.Pair{Refresh: secret("next"), Access: secret("access"), SpentAt: now, AccessExpiresAt: now})
				next.Encode()
				r.Fail(family.Failure{Class: "transient", At: now, Token: r.Refresh}).Encode()
				if last := r.LastFailure; last != nil {
					r.Fail(*last).Encode()
					family.EncodeLock(now, family.Intent{FirstSpend: last.FirstSpend})
				}
			})
		}
	})
}

// FuzzParseLock: any value is a lock; one that is nobody's intent is as old as
// the store says, and an intent survives being written again.
func FuzzParseLock(f *testing.F) {
	in := family.Intent{Owner: "p/1", Spending: fp("x"), FirstSpend: now, Attempt: now}
	for _, s := range []string{family.EncodeLock(now, in).Reveal(), "", "locked_", "locked_1764000000000", "locked_-1 {}", "locked_99999999999999999999",
		`locked_1764000000000 {"owner":"p/1","first_spend":"0000-01-01T00:00:00+23:59"}`,
		`locked_1764000000000 {"owner":"p/1","attempt":"9999-12-31T23:59:59-23:59"}`} {
		f.Add(s, int64(0))
		f.Add(s, int64(3*time.Minute))
	}
	f.Fuzz(func(t *testing.T, value string, age int64) {
		p := healthy()
		p.set(names.Lock, value, now.Add(-time.Duration(age)))
		l := family.ParseLock(p[names.Lock])
		require.Equal(t, value, l.Raw.Reveal())
		if l.Intent != nil {
			again := family.ParseLock(store.Entry{Value: family.EncodeLock(now, *l.Intent)})
			require.Equal(t, now, again.At)
			require.Equal(t, family.EncodeLock(now, *l.Intent), family.EncodeLock(now, *again.Intent))
		}
		d := decide(p)
		require.NotEmpty(t, d.Reason)
		require.False(t, d.Action == family.Replay && now.Sub(d.FirstSpend) >= family.Leeway, "a replay after the leeway")
		require.NotPanics(t, func() { family.EncodeLock(now, family.Intent{FirstSpend: d.FirstSpend}) })
	})
}

// FuzzAccessToken: ACCESS_TOKEN is read in whichever form it is; what psoxy's
// form was made of comes back.
func FuzzAccessToken(f *testing.F) {
	for _, s := range []string{"raw", `{"token":"t","expirationDate":1639526410000}`, `{"token":"`, `{"token":5}`, "{", "fill me", " \n", `{"token":"a","expirationDate":9223372036854775807}`} {
		f.Add(s, int64(1639526410000))
	}
	f.Fuzz(func(t *testing.T, value string, millis int64) {
		read := func(stored string) family.Snapshot {
			return family.NewSnapshot(conn, map[string]store.Entry{names.AccessToken: {Value: secret(stored), Version: 1}})
		}
		s := read(value)
		if !strings.HasPrefix(strings.TrimSpace(value), "{") {
			require.Zero(t, s.AccessExpires)
		}
		p := healthy()
		p.set(names.AccessToken, value, now)
		d := decide(p)
		require.NotPanics(t, func() { d.Record.Encode() })
		require.False(t, d.Action == family.Idle && d.Record.AccessExpiresAt.Sub(now) > 25*time.Hour, "nothing would be done for too long")

		token := s.AccessToken.Value
		if token.IsZero() || millis < 1e12 || millis > 1e13 || strings.ToValidUTF8(token.Reveal(), "") != token.Reveal() {
			return
		}
		back := read(family.PsoxyJSON.EncodeAccessToken(token, time.UnixMilli(millis)).Reveal())
		require.Equal(t, token.Reveal(), back.AccessToken.Value.Reveal())
		require.Equal(t, millis, back.AccessExpires.UnixMilli())
	})
}
