package atlassian

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter is the longest wait that a Retry-After header can ask for. It is
// the lifetime of an access token, which would expire during a longer wait. Larger
// values are reduced to it. Some servers were seen to send milliseconds or points
// in time, against RFC 9110.
const MaxRetryAfter = time.Hour

// retryAfter reads a Retry-After header in both its forms (RFC 9110 section
// 10.2.3): seconds or a date. A date counts from the answer's own Date, so that two
// different clocks do no harm. Without a Date it counts from now. The result is
// between 0 and MaxRetryAfter. It is 0 for an invalid header.
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
