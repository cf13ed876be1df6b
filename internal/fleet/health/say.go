package health

import (
	"fmt"
	"math"
	"time"
)

// day is a date, for a person.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// clock is a time for a person: without the date where it is today.
func (v view) clock(t time.Time) string { return Clock(t, v.Now) }

// Clock is a time for a person, in UTC: without the date where it is now's.
func Clock(t, now time.Time) string {
	if day(t) == day(now) {
		return t.UTC().Format("15:04Z")
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

// Lasting is a duration for a person, in its largest unit: "6 days", "1 hour".
func Lasting(d time.Duration) string {
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		n := int(math.Floor(d.Abs().Hours() / unit.is.Hours()))
		switch {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", int(d.Abs().Seconds()))
}

// consumers says how long consumers go on; empty where that is not known.
func (v view) consumers() string {
	switch left, known := v.left(); {
	case !known:
		return ""
	case left <= 0:
		return "consumers fail since " + v.clock(v.record.AccessExpiresAt)
	default:
		return "consumers stop at " + v.clock(v.record.AccessExpiresAt)
	}
}
