package world

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// The search must find what it is meant to find, or its silence means nothing.
func TestLeakedSecretsAreFound(t *testing.T) {
	const secret = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSIsImlhdCI6MTc2NDAwMDAwMH0.c2lnbmF0dXJlLXRoYXQtaXMtbG9uZy1lbm91Z2gtdG8tdGVsbA+/"
	quoted := fmt.Sprintf("%q", secret)
	for name, text := range map[string]string{
		"plain":        "token=" + secret + "&x",
		"JSON":         `{"t":` + quoted + `}`,
		"URL":          "?t=" + url.QueryEscape(secret),
		"hex":          hex.EncodeToString([]byte(secret)),
		"base64, 0":    base64.StdEncoding.EncodeToString([]byte(secret + "...")),
		"base64, 1":    base64.StdEncoding.EncodeToString([]byte("a" + secret)),
		"base64url, 2": base64.URLEncoding.EncodeToString([]byte("id" + secret + "tail")),
		"basic auth":   base64.StdEncoding.EncodeToString([]byte("client:" + secret)),
		"claims":       "eyJzdWIiOiJzb21lYm9keSIsImlhdCI6MTc2NDAwMDAwMH0",
		"end":          "..." + secret[len(secret)-20:],
	} {
		places := []struct{ name, text string }{{"a text", "before " + text + " after"}}
		require.NotEmpty(t, search(places, []string{secret}), name)
	}
	places := []struct{ name, text string }{{"a text", "the refresh token 0123456789ab, eyJhbGciOiJSUzI1NiJ9 and no more"}}
	require.Empty(t, search(places, []string{secret}))
	for _, found := range search([]struct{ name, text string }{{"a text", secret}}, []string{secret}) {
		require.NotContains(t, found, secret)
	}
}
