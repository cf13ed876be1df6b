package atlassian

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// maxPeek is the longest token that Claims reads, in bytes.
const maxPeek = 64 << 10

// ClaimSet is what a token says about itself. Its signature was not checked, and
// Atlassian documents tokens as opaque. Use it as a hint, never as proof, and do
// not depend on it. Missing and invalid fields are zero.
type ClaimSet struct {
	// IssuedAt and ExpiresAt are the claims iat and exp, in UTC.
	IssuedAt  time.Time
	ExpiresAt time.Time
	// Subject is the claim sub: the id of the account that consented.
	Subject string
	// RefreshChainID is the claim https://id.atlassian.com/refresh_chain_id. It was
	// seen to be the same in all tokens of a family.
	RefreshChainID string
	// TokenType is the claim https://id.atlassian.com/atl_token_type. ACCESS and
	// ROTATING_REFRESH were seen.
	TokenType string
}

// Claims reads the claims of a token that is a JWT; ok is false for other tokens.
// It makes no request and accepts any input.
func Claims(token Secret) (claims ClaimSet, ok bool) {
	if token.Len() > maxPeek {
		return ClaimSet{}, false
	}
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return ClaimSet{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return ClaimSet{}, false
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil || fields == nil {
		return ClaimSet{}, false
	}
	claims.IssuedAt = claimTime(fields["iat"])
	claims.ExpiresAt = claimTime(fields["exp"])
	_ = json.Unmarshal(fields["sub"], &claims.Subject)
	_ = json.Unmarshal(fields["https://id.atlassian.com/refresh_chain_id"], &claims.RefreshChainID)
	_ = json.Unmarshal(fields["https://id.atlassian.com/atl_token_type"], &claims.TokenType)
	return claims, true
}

// lastClaimTime is the latest valid claim time: the last second of the year 9999.
const lastClaimTime = 253402300799

// claimTime reads a NumericDate (RFC 7519 section 2): seconds since 1970 with an
// optional fraction. The zero time means missing or invalid.
func claimTime(raw json.RawMessage) time.Time {
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || !(seconds > 0 && seconds <= lastClaimTime) {
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC()
}
