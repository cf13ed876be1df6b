package atlassian_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// The pair stands in the answer in the clear, but not in one JSON object that can be decoded.
func TestPairIsScannedFor(t *testing.T) {
	quoted, err := json.Marshal(pair)
	require.NoError(t, err)
	body := func(member string) string { return `{"access_token":"a",` + member + `,"refresh_token":"r"}` }
	for _, b := range []string{
		body(`"expires_in":NaN`), body(`"expires_in":-Infinity`), body(`"expires_in":03600`), body(`"expires_in":+3600`), body(`"expires_in":.5`),
		body(`"expires_in":3600.`), body(`"expires_in":3600s`), body(`"expires_in":None`), body(`"expires_in":`), body("\"scope\":\"a\tb\""),
		body(`"scope":"a\xb"`), body(`"expires_in":3600,`), body(`/* c */"expires_in":3600`), body(`'expires_in':3600`),
		string(quoted), `{"statusCode":200,"headers":{},"body":` + string(quoted) + `}`, base64.StdEncoding.EncodeToString([]byte(pair)),
		"<pre>" + strings.ReplaceAll(pair, `"`, "&quot;") + "</pre>", "access_token=a&expires_in=3600&refresh_token=r&token_type=Bearer",
		strings.Join(strings.Split(pair, ""), "\x00") + "\x00", "\x00" + strings.Join(strings.Split(pair, ""), "\x00"),
		`{"refresh_token":null,"access_token":null,"data":` + pair + `}`,
		`{"request":{"grant_type":"refresh_token","refresh_token":"old"},"response":` + pair + `}`, `{"grant_type":"refresh_token","refresh_token":"old"}` + pair,
		"<style>" + strings.Repeat("p{color:red}", 70) + "</style><pre>" + pair + "</pre>", strings.Repeat("{ ", 70) + pair,
	} {
		client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, b) })
		token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
		require.NoError(t, err, b)
		require.Equal(t, "r", token.Refresh.Reveal(), b)
		require.Equal(t, "a", token.Access.Reveal(), b)
	}
}

// What holds no successor is scanned in vain.
func TestNothingIsScannedFor(t *testing.T) {
	for _, b := range []string{
		`{"access_token":"a","refresh_token":"old","expires_in":NaN}`, `{"access_token":"a","expires_in":NaN}`, `"refresh_token"`, `{"refresh_token":"cut off`,
		"grant_type=refresh_token&refresh_token=old", `{"refresh_token" "r"}`,
	} {
		client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, b) })
		token, _ := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
		require.True(t, token.Refresh.IsZero(), b)
	}
}

// A form-encoded answer breaks off within the refresh token. Nothing tells where it ends, so the
// part must not be taken for the successor: a replay within the leeway brings the whole one.
func TestAFormThatBreaksOff(t *testing.T) {
	client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "200")
		_, _ = io.WriteString(w, "access_token=a&expires_in=3600&refresh_token=0paque-T0ken-cut-off-he")
	})
	token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
	require.Error(t, err)
	require.True(t, token.Refresh.IsZero())
}
