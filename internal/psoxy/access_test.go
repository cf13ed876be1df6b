package psoxy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestAccessTokenForms(t *testing.T) {
	expires := time.UnixMilli(1639526410000)
	token := atlassian.NewSecret("eyJ<&>.x")
	require.Equal(t, token, psoxy.Raw.EncodeAccessToken(token, expires))
	require.Equal(t, `{"token":"eyJ<&>.x","expirationDate":1639526410000}`, psoxy.JSON.EncodeAccessToken(token, expires).Reveal())
	_, err := psoxy.ParseAccessFormat("xml")
	require.ErrorContains(t, err, `"xml"`)
	for _, c := range []struct {
		stored, token string
		expires       time.Time
		form          psoxy.AccessFormat
	}{
		{"raw-token", "raw-token", time.Time{}, psoxy.Raw},
		{`{"token":"t","expirationDate":1639526410000}`, "t", expires.UTC(), psoxy.JSON},
		{`{"token":"t"}`, "t", time.Time{}, psoxy.JSON},
		{`{"token":"t","expirationDate":1639526410000000}`, "t", time.Time{}, psoxy.JSON},
		{"\ufeff" + `{"token":"t","expirationDate":1639526410000}`, "t", expires.UTC(), psoxy.JSON},
		{`{"token":"t","expirationD`, `{"token":"t","expirationD`, time.Time{}, psoxy.JSON},
		{`{"token":"t","expirationDate":"2021-12-15"}`, `{"token":"t","expirationDate":"2021-12-15"}`, time.Time{}, psoxy.JSON},
		{`{"token":"","expirationDate":0}`, `{"token":"","expirationDate":0}`, time.Time{}, psoxy.JSON},
		{`{"broken`, `{"broken`, time.Time{}, ""},
		{`{"access_token":"t","token_type":"Bearer"}`, `{"access_token":"t","token_type":"Bearer"}`, time.Time{}, ""},
		{"", "", time.Time{}, ""},
	} {
		t.Run(c.stored, func(t *testing.T) {
			token, expires, form := psoxy.DecodeAccessToken(atlassian.NewSecret(c.stored))
			require.Equal(t, c.token, token.Reveal())
			require.Equal(t, c.expires, expires)
			require.Equal(t, c.form, form)
		})
	}
}
