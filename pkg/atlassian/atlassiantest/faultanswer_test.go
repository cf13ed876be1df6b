package atlassiantest_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A status can have any code, body and headers, also over the control API.
func TestFaultStatusWithBody(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	tokens := s.authorize(t)
	for _, c := range []struct {
		name, fault string
		status      int
		body        string
	}{
		{"code", `"status":400,"code":"invalid_request"`, 400, `{"error":"invalid_request","error_description":"Bad Request"}`},
		{"code with 403", `"status":403,"code":"unauthorized_client"`, 403, `{"error":"unauthorized_client","error_description":"Forbidden"}`},
		{"body", `"status":404,"body":"{\"x\":1}","code":"ignored"`, 404, `{"x":1}`},
		{"a success", `"status":200,"body":"[]","header":{"x-seraph-loginreason":"AUTHENTICATED_FAILED"}`, 200, `[]`},
		{"neither", `"status":415,"retry_after":"86400000"`, 415, `{"code":415,"message":"Unsupported Media Type"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.control(t, "POST", "/faults", `{"endpoint":"token","when":"before","kind":"status","times":1,`+c.fault+`}`)
			got := s.must(t, s.tokenRequest(t, tokens))
			require.Equal(t, c.status, got.status)
			require.JSONEq(t, c.body, got.body)
			require.Equal(t, strings.Contains(c.fault, "seraph"), got.header.Get("X-Seraph-Loginreason") == "AUTHENTICATED_FAILED")
			require.Equal(t, strings.Contains(c.fault, "86400000"), got.header.Get("Retry-After") == "86400000")
		})
	}
	events := s.e.Events()
	require.Equal(t, "status 400 invalid_request before", events[1].Fault)
}

// The true body is compressed, although the client did not ask for it.
func TestFaultEncoding(t *testing.T) {
	plain := func(t *testing.T, name string, body []byte) []byte {
		var r io.Reader
		var err error
		switch name {
		case "deflate":
			r, err = zlib.NewReader(bytes.NewReader(body))
		case "deflate-raw":
			r = flate.NewReader(bytes.NewReader(body))
		default:
			r, err = gzip.NewReader(bytes.NewReader(body))
		}
		require.NoError(t, err)
		out, err := io.ReadAll(r)
		require.NoError(t, err)
		return out
	}
	for name, header := range map[string]string{"gzip": "gzip", "gzip-unnamed": "", "deflate": "deflate", "deflate-raw": "deflate"} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cheapWorld(t, nil))
			tokens := s.authorize(t)
			inject := func(f atlassiantest.Fault) {
				f.When, f.Encoding, f.Times = atlassiantest.After, name, 1
				require.NoError(t, s.e.Inject(f))
			}
			inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, Kind: atlassiantest.KindEncoded})
			r := s.tokenRequest(t, tokens)
			r.Header.Set("Accept-Encoding", "identity") // else the client unpacks it
			got := s.must(t, r)
			require.Equal(t, header, got.header.Get("Content-Encoding"))
			got.body = string(plain(t, name, []byte(got.body)))
			refreshed := readTokens(t, got)
			_, err := s.e.ValidateAccess(atlassian.NewSecret(refreshed.Access))
			require.NoError(t, err)

			inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, Kind: atlassiantest.KindEncoded})
			r = newRequest(t, "GET", s.url+"/oauth/token/accessible-resources", "", "")
			r.Header.Set("Accept-Encoding", "identity")
			r.Header.Set("Authorization", "Bearer "+refreshed.Access)
			got = s.must(t, r)
			var list []atlassiantest.Resource
			require.NoError(t, json.Unmarshal(plain(t, name, []byte(got.body)), &list))
			require.NotEmpty(t, list)
		})
	}
}

// The list of sites is empty for a moment.
func TestFaultEmpty(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	tokens := s.authorize(t)
	require.NoError(t, s.e.Inject(atlassiantest.Fault{
		Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindEmpty, Times: 2}))
	for range 2 {
		got := s.get(t, "/oauth/token/accessible-resources", tokens.Access)
		require.Equal(t, 200, got.status)
		require.Equal(t, "[]", got.body)
	}
	require.NotEqual(t, "[]", s.get(t, "/oauth/token/accessible-resources", tokens.Access).body)
}

// The answer's expires_in is later than the claim exp of the access token.
func TestFaultExpiresInBeyondTheToken(t *testing.T) {
	w := newWorld(t, atlassiantest.Config{})
	require.NoError(t, w.e.ChangePolicy(func(p *atlassiantest.Policy) { p.AccessTokenLifetime = 20 * time.Minute }))
	s := serve(t, w)
	require.NoError(t, s.e.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After,
		Kind: atlassiantest.KindExpiresIn, ExpiresIn: json.RawMessage("3600"), Times: 1}))
	client := &atlassian.Client{AuthURL: s.url}
	token, err := client.Refresh(t.Context(), atlassian.App{ClientID: s.fix.App.ClientID, ClientSecret: s.fix.App.ClientSecret}, s.authorize(t).Refresh)
	require.NoError(t, err)
	require.Equal(t, 20*time.Minute, token.ExpiresIn)
	require.True(t, token.ExpiresInAssumed)
}
