package atlassiantest

import "fmt"

// Refusal is an answer other than success, as the HTTP layer sends it.
type Refusal struct {
	// Status is the HTTP status.
	Status int
	// Code and Description are "error" and "error_description" of the body. At
	// the API, which has another error body, Code is empty and Description its
	// "message".
	Code, Description string
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Code == "" {
		return fmt.Sprintf("HTTP %d: %s", r.Status, r.Description)
	}
	return fmt.Sprintf("HTTP %d %s: %s", r.Status, r.Code, r.Description)
}

// The token endpoint's answers, word for word where one was reported.
var (
	refusedToken       = &Refusal{403, "unauthorized_client", "refresh_token is invalid"}
	refusedTokenLegacy = &Refusal{403, "invalid_grant", "Unknown or invalid refresh token."}
	refusedMalformed   = &Refusal{400, "invalid_request", "Invalid refresh_token"}
	refusedCode        = &Refusal{400, "invalid_request", "authorization_code is invalid"}
	refusedClient      = &Refusal{401, "access_denied", "Unauthorized"}
	refusedInactive401 = &Refusal{401, "access_denied", "User is inactive"}
	refusedInactive403 = &Refusal{403, "access_denied", "User is inactive"}
)

// The API's two 401 answers.
var (
	refusedBearer = &Refusal{Status: 401, Description: "Unauthorized"}
	refusedScope  = &Refusal{Status: 401, Description: "Unauthorized; scope does not match"}
)

func (p *Policy) refusedToken() *Refusal {
	if p.LegacyRefusalBody {
		return refusedTokenLegacy
	}
	return refusedToken
}

func (p *Policy) refusedInactive() *Refusal {
	if p.InactiveAccountStatus == 401 {
		return refusedInactive401
	}
	return refusedInactive403
}
