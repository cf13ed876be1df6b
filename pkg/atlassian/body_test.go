package atlassian_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func gzipped(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func zlibbed(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := io.WriteString(w, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func deflated(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, 6)
	require.NoError(t, err)
	_, err = io.WriteString(w, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

const pair = `{"access_token":"a","refresh_token":"r","expires_in":3600}`

// A compressed body that was not asked for is a usable pair.
func TestCompressedBodies(t *testing.T) {
	for _, c := range []struct{ name, encoding, body string }{
		{"gzip", "gzip", gzipped(t, pair)},
		{"gzip by its other name", "X-GZIP", gzipped(t, pair)},
		{"gzip in two members", "gzip", gzipped(t, pair[:20]) + gzipped(t, pair[20:])},
		{"gzip without a name", "", gzipped(t, pair)},
		{"gzip under another name", "identity", gzipped(t, pair)},
		{"gzip named, plain sent", "gzip", pair},
		{"gzip named twice, sent once", "gzip, gzip", gzipped(t, pair)},
		{"gzip of gzip", "gzip, gzip", gzipped(t, gzipped(t, pair))},
		{"deflate in zlib's form", "deflate", zlibbed(t, pair)},
		{"deflate raw", "deflate", deflated(t, pair)},
		{"deflate named, plain sent", "deflate", pair},
		{"deflate, then gzip", "deflate, gzip", gzipped(t, zlibbed(t, pair))},
		{"identity", "identity", pair},
		{"nothing named", "", pair},
		{"an unknown encoding of a plain body", "br", pair},
		{"an unknown encoding around a known one", "gzip, zstd", gzipped(t, pair)},
		{"a body that breaks off after the pair", "gzip", gzipped(t, pair)[:len(gzipped(t, pair))-8]},
		{"zlib, not named", "", zlibbed(t, pair)},
		{"zlib, named gzip", "gzip", zlibbed(t, pair)},
		{"raw deflate, named gzip", "gzip", deflated(t, pair)},
		{"raw deflate, not named", "", deflated(t, pair)},
		{"deflate twice, named once", "deflate", zlibbed(t, zlibbed(t, pair))},
		{"deflate in gzip, named gzip", "gzip", gzipped(t, zlibbed(t, pair))},
		{"gzip three times, not named", "", gzipped(t, gzipped(t, gzipped(t, pair)))},
		{"named five times", "identity, identity, identity, identity, gzip", gzipped(t, pair)},
		{"gzip after a line end", "gzip", "\r\n" + gzipped(t, pair)},
		{"UTF-16, little-endian", "", wide(binary.LittleEndian, pair)},
		{"UTF-16, big-endian", "", wide(binary.BigEndian, pair)},
		{"two byte order marks", "", "\ufeff\ufeff" + pair},
		{"a line end and a byte order mark", "", "\r\n\ufeff" + pair},
		{"an empty object before", "", "{}\n" + pair},
		{"a proxy's object before", "", `{"trace":"1"}` + pair},
		{"an error before", "", `{"error":"server_error"}` + "\n" + pair},
		{"a comment before", "", "<!-- { proxy } -->\n" + pair},
		{"a guard against scripts before", "", ")]}',\n" + pair},
		{"chunk sizes left in", "", "3a\r\n" + pair + "\r\n0\r\n\r\n"},
		{"in an array", "", "[" + pair + "]"},
		{"in a page", "", "<html><style>p{color:red}</style><pre>" + pair + "</pre></html>"},
		{"the last brace is missing", "", strings.TrimSuffix(pair, "}")},
		{"cut after the pair", "", strings.TrimSuffix(pair, "}") + `,"sco`},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, n := serve(t, func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				_, _ = io.WriteString(w, c.body)
			})
			for name, hc := range map[string]*http.Client{"default": nil, "caller's": {Transport: &http.Transport{DisableKeepAlives: true}}} {
				n.Store(0)
				client.HTTPClient = hc
				token, err := client.Refresh(t.Context(), app, atlassian.NewSecret("old"))
				require.NoError(t, err, name)
				require.Equal(t, "a", token.Access.Reveal())
				require.Equal(t, "r", token.Refresh.Reveal())
				require.EqualValues(t, 1, n.Load())
			}
		})
	}
}

// wide is a text in UTF-16, with its byte order mark.
func wide(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, unit := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// A body that cannot be read is ambiguous. No part of it is used or shown.
func TestBodiesThatCannotBeRead(t *testing.T) {
	whole := gzipped(t, pair)
	damaged := []byte(whole)
	damaged[len(damaged)-6] ^= 1 // the checksum
	secret := `{"access_token":"` + canary + `"`
	for _, c := range []struct{ name, encoding, body, says string }{
		{"an unknown encoding", "br", "\x1b\x03" + canary, "unknown encoding"},
		{"gzip cut in the middle", "gzip", whole[:len(whole)/2], "unexpected EOF"},
		{"gzip with a wrong checksum", "gzip", string(damaged), "damaged"},
		{"gzip with a wrong checksum, not named", "", string(damaged), "damaged"},
		{"only the head of gzip", "gzip", whole[:5], "unexpected EOF"},
		{"nothing at all", "gzip", "", "not a JSON object"},
		{"a complete answer without a token", "gzip", gzipped(t, secret), "not a JSON object"},
		{"cut in the refresh token", "", `{"access_token":"a","refresh_token":"` + canary, "not a JSON object"},
		{"a zip bomb", "gzip", gzipped(t, `{"x":"`+strings.Repeat(" ", 1<<24)+`"}`), "larger than 1 MiB"},
		{"a zip bomb in a zip bomb", "gzip, gzip", gzipped(t, gzipped(t, strings.Repeat(" ", 1<<24))), "larger than 1 MiB"},
		{"encoded again and again", strings.Repeat("gzip,", 30), gzipped(t, pair)[:10], ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, n := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", c.encoding)
				_, _ = io.WriteString(w, c.body)
			})
			e := refreshOnce(t, t.Context(), client)
			require.Equal(t, atlassian.Ambiguous, e.Class)
			require.Equal(t, 200, e.Status)
			require.ErrorContains(t, e, c.says)
			require.EqualValues(t, 1, n.Load())
		})
	}
}

// An error code in a compressed body counts as in any other.
func TestCompressedRefusals(t *testing.T) {
	for _, encoding := range []string{"gzip", ""} {
		t.Run("encoding "+encoding, func(t *testing.T) {
			client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", encoding)
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, gzipped(t, `{"error":"unauthorized_client"}`))
			})
			e := refreshOnce(t, t.Context(), client)
			require.Equal(t, atlassian.Permanent, e.Class)
			require.Equal(t, "unauthorized_client", e.Code)
		})
	}
	t.Run("half a body", func(t *testing.T) {
		whole := gzipped(t, `{"error":"unauthorized_client"}`)
		client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, whole[:len(whole)-8])
		})
		e := refreshOnce(t, t.Context(), client)
		require.Equal(t, atlassian.Malformed, e.Class, "its code does not count")
		require.Empty(t, e.Code)
	})
}

func TestCompressedReads(t *testing.T) {
	const list = `[{"id":"1","url":"https://a.atlassian.net","name":"a","scopes":["read:jira-work"]}]`
	body := list
	client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, gzipped(t, body))
	})
	resources, err := client.AccessibleResources(t.Context(), access)
	require.NoError(t, err)
	require.Len(t, resources, 1)
	r, err := client.Get(t.Context(), access, "/me")
	require.NoError(t, err)
	require.Equal(t, list, string(r.Body))
	body = strings.Repeat("x", 1<<24)
	r, err = client.Get(t.Context(), access, "/me")
	require.NoError(t, err)
	require.True(t, r.Truncated)
	require.Len(t, r.Body, 1<<20)
}

// FuzzEncodedBody checks that no body in any encoding makes the client panic, and
// that the client never reads more than the limit.
func FuzzEncodedBody(f *testing.F) {
	for _, body := range []string{pair, gzipped(f, pair), zlibbed(f, pair), deflated(f, pair), gzipped(f, gzipped(f, pair))[:30], "\x1f\x8b\x08", "x\x9c"} {
		for _, encoding := range []string{"", "gzip", "deflate", "gzip,deflate", "br"} {
			f.Add(encoding, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		r, err := answering(http.StatusOK, http.Header{"Content-Encoding": {encoding}}, body).Get(t.Context(), access, "/me")
		if err != nil {
			failure(t, err)
		}
		require.LessOrEqual(t, len(r.Body), 1<<20)
		// Raw deflate has no mark by which it could be told from plain text.
		raw := strings.Contains(strings.ToLower(encoding), "deflate")
		if strings.Contains(encoding, "gzip") && !raw && bytes.HasPrefix(body, []byte("{")) {
			require.Equal(t, body, r.Body[:len(body)], "a plain body stays as it is")
		}
	})
}
