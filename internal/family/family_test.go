package family_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const conn = "PSOXY_JIRA_CLOUD_"

var (
	now   = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	names = family.NamesOf(conn)
)

const nano = time.Nanosecond

func secret(s string) atlassian.Secret { return atlassian.NewSecret(s) }

func fp(s string) family.Fingerprint { return family.FingerprintOf(secret(s)) }

// refresh and access are the tokens of a generation.
func refresh(generation int) string {
	return fmt.Sprintf("refresh-%03d-%s", generation, fp(fmt.Sprint("refresh", generation)))
}
func access(generation int) string {
	return fmt.Sprintf("access-%03d-%s", generation, fp(fmt.Sprint("access", generation)))
}

// record is that of generation 7, which was received ten minutes ago.
func record() family.Record {
	return family.Record{
		Schema: family.Schema, Connection: conn, AuthorizedAt: now.Add(-24 * time.Hour), AuthorizedAtSource: family.FromConsent,
		LifetimeDays: 365, Generation: 7, Refresh: fp(refresh(7)), Past: family.Past("").With(fp(refresh(5))).With(fp(refresh(6))),
		Access: fp(access(7)), AccessExpiresAt: now.Add(50 * time.Minute), RotatedAt: now.Add(-10 * time.Minute),
	}
}

func state() family.State {
	return family.State{Refresh: secret(refresh(7)), Record: record(), Inbox: family.Inbox{Judged: family.Judged{Seen: 8, Modified: now.Add(-10 * time.Minute)}}}
}

func field(value string, version int64, modified time.Time) family.Field {
	return family.FieldOf(store.Entry{Value: secret(value), Version: version, Modified: modified})
}

// healthy is a connection that rotated ten minutes ago, with all of its copies.
func healthy() family.Snapshot {
	return family.Snapshot{
		Connection: conn, Now: now, Process: "me", State: state(), Written: now.Add(-10 * time.Minute),
		ClientID: field("client-id", 1, now.Add(-24*time.Hour)), ClientSecret: field("client-secret", 1, now.Add(-24*time.Hour)),
		RefreshToken: field(refresh(7), 8, now.Add(-10*time.Minute)), AccessToken: field(access(7), 8, now.Add(-10*time.Minute)),
	}
}

// jwt is a token of a JWT's form. The signature is invalid, but has the right size.
func jwt(alg string, claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v) // a map of plain values always encodes
		return base64.RawURLEncoding.EncodeToString(b)
	}
	size := map[string]int{"HS256": 32, "ES256": 64, "EdDSA": 64}[alg]
	if size == 0 {
		size = 256
	}
	signature := make([]byte, size)
	sum := sha256.Sum256([]byte(part(claims)))
	for i := range signature {
		signature[i] = sum[i%len(sum)] + byte(7*i)
	}
	return part(map[string]string{"alg": alg, "typ": "JWT"}) + "." + part(claims) + "." + base64.RawURLEncoding.EncodeToString(signature)
}

const claimPrefix = "https://id.atlassian.com/"

// atlassianToken is a token as Atlassian's were seen to be.
func atlassianToken(chain string, issued time.Time, kind string) string {
	return jwt("RS256", map[string]any{"iat": issued.Unix(), "jti": fmt.Sprint(chain, issued.Unix()), "sub": "account",
		claimPrefix + "refresh_chain_id": chain, claimPrefix + "atl_token_type": kind})
}

func rotating(chain string, issued time.Time) string {
	return atlassianToken(chain, issued, "ROTATING_REFRESH")
}

// chainOf is the fingerprint of a chain claim.
func chainOf(chain string) family.Fingerprint { return fp(chain) }

// own is a state whose token is the given one.
func own(token, chain string) family.State {
	s := state()
	s.Refresh, s.Record.Refresh, s.Record.Chain = secret(token), fp(token), ""
	if chain != "" {
		s.Record.Chain = chainOf(chain)
	}
	return s
}

// consented is what a consent with this pair makes of a connection with the given record.
func consented(p family.Pair, previous family.Record) family.Record {
	s := family.Snapshot{Connection: conn, State: family.State{Record: previous}}
	return s.Consented(p, family.DefaultPolicy()).Record
}

// requireOlder checks that a record knows the tokens of these generations as older.
func requireOlder(t *testing.T, r family.Record, generations ...int) {
	t.Helper()
	for _, generation := range generations {
		require.True(t, r.Past.Has(fp(refresh(generation))), "generation %d", generation)
	}
}

// requireNoSecret checks that a text shows no token, nor a good part of one.
func requireNoSecret(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		for i := 0; i+12 <= len(s); i += 12 {
			require.False(t, strings.Contains(text, s[i:i+12]), "a part of a secret is shown")
		}
	}
}

// The form is public: it stands in logs, in TOKEN_FAMILY and in intents, and an
// engineer compares it with `printf %s TOKEN | sha256sum | head -c 12`.
func TestFingerprint(t *testing.T) {
	require.Equal(t, "ba7816bf8f01", string(fp("abc")))
	require.Empty(t, fp(""))
}
