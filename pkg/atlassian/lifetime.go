package atlassian

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// documentedLifetime is an access token's, where an answer does not say.
	documentedLifetime = time.Hour
	// minLifetime and maxLifetime bound a lifetime that makes sense.
	minLifetime = time.Second
	maxLifetime = 24 * time.Hour
)

// lifetimeTolerance is how much longer than its own claims say an access token
// may be promised to live: the two are rounded, and not taken at one moment.
const lifetimeTolerance = time.Minute

// lifetime reads expires_in, in seconds, as a number or a string that holds
// one. own is what the token says of itself, 0 for nothing. assumed is true
// where the result is not expires_in. Believing too little costs a rotation
// now and then; who believes too much hands out a dead token.
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
		if own == 0 || d-own <= lifetimeTolerance {
			return d, false
		}
		return own, true
	case own > 0:
		return own, true
	case number && seconds < minLifetime.Seconds():
		return 0, true
	}
	// Absent, no number, or more than a day, such as milliseconds.
	return documentedLifetime, true
}

// decimal reads a decimal number; one that is out of range is infinite. Words and
// hexadecimal digits, which ParseFloat takes, are none.
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

// ownLifetime is how long an access token still lives by its own claims. The
// answer's date is the moment to count from where it lies between iat and exp:
// the token may be one that was issued before. Else it is iat, since a clock
// that is off must not make a new token old. 0 is for claims that make no sense.
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
