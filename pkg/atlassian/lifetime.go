package atlassian

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// documentedLifetime is an access token's lifetime if an answer does not say.
	documentedLifetime = time.Hour
	// minLifetime and maxLifetime are the limits of a plausible lifetime.
	minLifetime = time.Second
	maxLifetime = 24 * time.Hour
)

// lifetimeTolerance is how much longer expires_in may be than the lifetime in the
// token's claims. Both are rounded, and computed at different moments.
const lifetimeTolerance = time.Minute

// lifetime reads expires_in: seconds, as a number or a string. The argument own is
// the lifetime in the token's claims, or 0; without it none counts that is longer than
// Atlassian documents. The result assumed reports whether the result is something else
// than expires_in. In doubt the shorter lifetime counts: that costs an extra
// rotation, while a longer one would hand out an expired token.
func lifetime(raw json.RawMessage, own time.Duration) (d time.Duration, assumed bool) {
	text := string(raw)
	if strings.HasPrefix(text, `"`) {
		_ = json.Unmarshal(raw, &text)
		text = strings.TrimSpace(text)
	}
	seconds, number := decimal(text)
	switch {
	case seconds >= minLifetime.Seconds() && seconds <= maxLifetime.Seconds():
		d = time.Duration(seconds * float64(time.Second))
		longest := cmp.Or(own, documentedLifetime)
		if d-longest <= lifetimeTolerance {
			return d, false
		}
		return longest, true
	case own > 0:
		return own, true
	case number && seconds < minLifetime.Seconds():
		return 0, true
	}
	// Missing, not a number, or more than a day, such as milliseconds.
	return documentedLifetime, true
}

// decimal reads a decimal number. A number out of range is infinite. Unlike
// ParseFloat it refuses words and hexadecimal numbers.
func decimal(text string) (n float64, ok bool) {
	if !made(text, digits+".eE+-") {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, false
	}
	return n, true
}

// ownLifetime is how long an access token still lives by its own claims, or 0 if
// they are implausible. It counts from the answer's date if that lies between iat
// and exp, since the token may have been issued earlier. Otherwise it counts from
// iat, so that a wrong clock does not make a new token old.
func ownLifetime(access Secret, date string) time.Duration {
	claims, ok := Claims(access)
	if !ok {
		return 0
	}
	from := claims.IssuedAt
	if at, err := http.ParseTime(date); err == nil && at.After(from) && at.Before(claims.ExpiresAt) {
		from = at
	}
	if d := claims.ExpiresAt.Sub(from); d >= minLifetime && d <= maxLifetime {
		return d
	}
	return 0
}
