package family

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Pair is what a spend or a consent yielded.
type Pair struct {
	Refresh, Access atlassian.Secret
	// AccessExpiresAt is when the access token expires.
	AccessExpiresAt time.Time
	// SpentAt is when the request began, by the store's clock.
	SpentAt time.Time
	// Scopes that were granted.
	Scopes []string
}
