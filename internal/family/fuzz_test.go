package family_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// FuzzParseRecord: whatever stands in TOKEN_FAMILY, reading it does not panic
// and quotes no secret; what it accepts can be written, and reads back the same.
func FuzzParseRecord(f *testing.F) {
	whole := record().Fail(family.Failure{Class: "ambiguous", Code: "x", At: now, Token: fp(refresh(7)), FirstSpend: now, RetryAt: now}).Encode().Reveal()
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
			r.Succeed(pair(8, now)).Encode()
			r.Fail(family.Failure{Class: "transient", At: now, Token: r.Refresh}).Encode()
			if last := r.LastFailure; last != nil {
				r.Fail(*last).Encode()
				state().Intending("me", r.Refresh, 0, last.FirstSpend).Encode()
			}
		}
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
			return family.NewSnapshot(family.Connection{Name: conn}, map[string]store.Entry{names.AccessToken: {Value: secret(stored), Version: 1}})
		}
		s := read(value)
		if !strings.HasPrefix(strings.TrimSpace(value), "{") {
			require.Zero(t, s.AccessExpires)
		}
		token := s.AccessToken.Value
		if token.IsZero() || millis < 1e12 || millis > 1e13 || strings.ToValidUTF8(token.Reveal(), "") != token.Reveal() {
			return
		}
		back := read(psoxy.JSON.EncodeAccessToken(token, time.UnixMilli(millis)).Reveal())
		require.Equal(t, token.Reveal(), back.AccessToken.Value.Reveal())
		require.Equal(t, millis, back.AccessExpires.UnixMilli())
	})
}

// FuzzJudge: REFRESH_TOKEN may hold anything. Judging it does not panic and shows
// no part of it, and nothing else is taken for the ledger's own token.
func FuzzJudge(f *testing.F) {
	token := rotating("chain", now.Add(-time.Hour))
	for _, form := range damaged {
		f.Add(form.make(token))
	}
	for _, value := range append([]string{token, refresh(6), " ", "=", "eyJ", "eyJ..", "eyJ.eyJ.", "%0A", ":", "refresh_token:"}, placeholders...) {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, s := range []family.State{{}, state(), own(token, "chain")} {
			written := field(value, 9, now)
			verdict, reason := s.Judge(written)
			require.Equal(t, verdict == family.Copied, !s.Empty() && written.Value == s.Refresh)
			if len(value) > 16 {
				require.False(t, strings.Contains(reason, value))
			}
			_, why := seeded(past(value), nil).Adopt(past(value), nil, family.DefaultPolicy())
			require.False(t, len(value) > 16 && strings.Contains(why, value) && !strings.Contains(names.RefreshToken, value))
		}
	})
}
