package tokenform_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
)

var encode = base64.RawURLEncoding.EncodeToString

var (
	header    = encode([]byte(`{"alg":"RS256","kid":"1"}`))
	claims    = encode([]byte(`{"iat":1764000000,"sub":"ada","jti":"0123456789"}`))
	signature = encode([]byte(strings.Repeat("\x9b\x17\xe4", 86)[:256]))
	jwt       = header + "." + claims + "." + signature
)

// utf16 is a text as PowerShell encodes it.
func utf16(text string) (b []byte) {
	for i := range len(text) {
		b = append(b, text[i], 0)
	}
	return b
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

func backwards(text string) string {
	b := []byte(text)
	slices.Reverse(b)
	return string(b)
}

// What people and programs store in a token's place is told by its form, with a
// reason of its kind.
func TestNoTokens(t *testing.T) {
	t.Parallel()
	for reason, texts := range map[string][]string{
		"a placeholder": {"CHANGE_ME_LATER_PLEASE_1", "please-change-me", "your-refresh-token-here", "INSERT_REFRESH_TOKEN_HERE",
			"managed-outside-terraform", "to.be.set.by.terraform", "Initial-Value", "PSOXY_JIRA_CLOUD_REFRESH_TOKEN",
			"/corp/T1_REFRESH_TOKEN", "(known after apply)", "$TOKEN", "xxxxxxxxxxxxxxxxxxxx", "<your-token>"},
		"an address": {"projects/123456789012/secrets/psoxy_JIRA_CLOUD_REFRESH_TOKEN/versions/7", "https://auth.atlassian.com/oauth/token", "arn:aws:ssm:eu-west-1:111122223333:parameter/T0KEN"},
		"a damaged token": {jwt[1:], jwt[3:], "r" + jwt, "-" + jwt, "." + jwt, ":" + jwt, "/" + jwt, "_" + jwt + "_", "|" + jwt + "|", "~~" + jwt + "~~",
			jwt + ".", jwt + "x", jwt + jwt, jwt + jwt + jwt, jwt[:12] + "..." + jwt[len(jwt)-12:], jwt[:60] + "...", header + "..." + signature,
			header + "." + claims, header + "." + claims + ".", jwt[:50] + jwt[55:], jwt[:55] + jwt[50:],
			strings.ToLower(jwt), strings.ToUpper(jwt), backwards(jwt), header,
			"..." + jwt[len(jwt)-24:], "ATCTT3xFfGF0...aB3aB3aB3aB3"},
		"Base64 form": {encode([]byte(jwt)), base64.StdEncoding.EncodeToString([]byte(encode([]byte(jwt)))), hex.EncodeToString([]byte(jwt)),
			encode(gzipped(jwt)), hex.EncodeToString(gzipped(jwt)), encode([]byte(encode(gzipped(jwt)))), encode(utf16(jwt)), encode(append([]byte("\xff\xfe"), utf16(jwt)...)),
			encode([]byte("\ufeff" + jwt)), encode([]byte("“" + jwt + "”")), encode([]byte(`"` + jwt + `"`)), encode([]byte(`{"refresh_token":"` + jwt + `"}`))},
		"other characters around it":   {"REFRESH_TOKEN=" + jwt, "refresh_token: " + jwt, "\ufeff" + jwt},
		"characters that no token has": {jwt + "\u200b", jwt[:60] + "\n" + jwt[60:], jwt + " " + jwt, "- " + jwt, "export REFRESH_TOKEN " + jwt},
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			for _, text := range texts {
				require.Contains(t, tokenform.Problem(text), reason, text)
			}
		})
	}
}

// What may be a token is left to Atlassian.
func TestTokens(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a JWT":                    jwt,
		"one with blanks in it":    encode([]byte(`{ "alg": "HS256" }`)) + "." + claims + "." + encode([]byte(strings.Repeat("k", 32))),
		"an encrypted one":         encode([]byte(`{"alg":"dir","enc":"A256GCM"}`)) + "..aXY.Y2lwaGVydGV4dA.dGFn",
		"one without claims":       header + ".c29tZXRoaW5n." + signature,
		"a signed cookie's form":   encode([]byte(`{"user":17}`)) + ".ZAbc12.c2lnbmF0dXJl",
		"an opaque one":            "ATCTT3xFfGF0aB3aB3aB3aB3aB3",
		"Base64":                   base64.StdEncoding.EncodeToString([]byte("\x01\x80\xff\x00opaque bytes\x9b\x17")),
		"Base64 that begins eyJ":   "eyJel1-i7soHojiiuT5INvE7k6VVnSj7xDpMySCWKh0",
		"a UUID":                   "9b17e4a0-5b1e-4d0c-8f5e-0c1d2e3f4a5b",
		"small letters and digits": "k3j5h2k3j5h2k3j5h2k3j5h2",
		"capital letters":          "MFRGGZDFMZTWQ2LKNNWG23TPOB",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, tokenform.Problem(text))
		})
	}
}

// A token that is in a text tells what the text was made of.
func TestWithin(t *testing.T) {
	t.Parallel()
	require.Equal(t, jwt, tokenform.Within(`{"refresh_token":"`+jwt+`"}`))
	require.Equal(t, jwt[:60], tokenform.Within("’"+jwt[:60]+"…"))
	require.Empty(t, tokenform.Within("no token"))
}

// Atlassian's API tokens end in a checksum.
func TestChecksum(t *testing.T) {
	t.Parallel()
	const token = "ATATT3xFfGF0b5m8Zk0QeV"
	require.Empty(t, tokenform.Problem(token+"=1A2B3C4D"))
	require.NotEmpty(t, tokenform.Problem("=1A2B3C4D"))
	require.NotEmpty(t, tokenform.Problem(token+"=1A2B3C4D5E6F7A8B9C"))
}
