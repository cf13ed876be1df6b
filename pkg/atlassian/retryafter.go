package atlassian

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds what a Retry-After header can ask for: the life of an
// access token, since whoever waits longer lets it expire. Larger values are cut
// to it, whatever they were meant to be: milliseconds and points in time, which
// RFC 9110 does not allow, were seen elsewhere.
const MaxRetryAfter = time.Hour

// retryAfter reads a Retry-After header in both its forms (RFC 9110 section
// 10.2.3): seconds, or a date, which counts from the answer's own Date, so that
// two clocks that disagree do no harm, or else from now. The result is between
// 0 and MaxRetryAfter; what makes no sense is 0.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		seconds, err := strconv.ParseInt(v, 10, 64)
		if err != nil || seconds > int64(MaxRetryAfter/time.Second) { // err: too many digits
			return MaxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), MaxRetryAfter)
}
