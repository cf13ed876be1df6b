package atlassiantest

import "fmt"

// RefusalError is an answer other than success, with the values that the HTTP
// handler sends.
type RefusalError struct {
	// Status is the HTTP status.
	Status int
	// Code and Description are "error" and "error_description" of the token
	// endpoint's body. The API has another error body: there Code is empty, and
	// Description is its "message".
	Code, Description string
}

// Error names the status, the code and the description.
func (r *RefusalError) Error() string {
	if r.Code == "" {
		return fmt.Sprintf("HTTP %d: %s", r.Status, r.Description)
	}
	return fmt.Sprintf("HTTP %d %s: %s", r.Status, r.Code, r.Description)
}

// The token endpoint's answers. Where users reported an answer, it is word for word.
var (
	refusedToken       = &RefusalError{403, "unauthorized_client", "refresh_token is invalid"}
	refusedTokenLegacy = &RefusalError{403, "invalid_grant", "Unknown or invalid refresh token."}
	refusedMalformed   = &RefusalError{400, "invalid_request", "Invalid refresh_token"}
	refusedCode        = &RefusalError{400, "invalid_request", "authorization_code is invalid"}
	refusedClient      = &RefusalError{401, "access_denied", "Unauthorized"}
	refusedInactive401 = &RefusalError{401, "access_denied", "User is inactive"}
	refusedInactive403 = &RefusalError{403, "access_denied", "User is inactive"}
)

// The API's two 401 answers.
var (
	refusedBearer = &RefusalError{Status: 401, Description: "Unauthorized"}
	refusedScope  = &RefusalError{Status: 401, Description: "Unauthorized; scope does not match"}
)

// missing refuses a request without a required parameter.
func missing(name string) *RefusalError {
	return &RefusalError{400, "invalid_request", "Missing required parameter: " + name}
}

func (p *Policy) refusedToken() *RefusalError {
	if p.LegacyRefusalBody {
		return refusedTokenLegacy
	}
	return refusedToken
}

func (p *Policy) refusedInactive() *RefusalError {
	if p.InactiveAccountStatus == 401 {
		return refusedInactive401
	}
	return refusedInactive403
}
