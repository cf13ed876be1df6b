package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// Ticks is what a program needs that makes ticks.
type Ticks struct {
	// REFRESH_BEFORE, default 25m: a rotation is due when the access token has less
	// than this left.
	RefreshBefore time.Duration
	// LAST_WARNING_DAYS, default 1: a family with less left needs a consent now.
	LastWarning float64
	// WARNING_DAYS, default none: the days of the warnings before that, each below
	// the one before; separated by commas, four at most.
	Warnings []float64
}

// Limits of REFRESH_BEFORE: consumers cache the access token for minutes, and
// it lives for an hour.
const (
	minRefreshBefore = 10 * time.Minute
	maxRefreshBefore = fleet.MaxRefreshBefore
)

// Ticks reads the variables of a program that makes ticks, and gives the
// connections their policy.
func (r *Reader) Ticks(connections []family.Connection) Ticks {
	text := r.Get("REFRESH_BEFORE", family.DefaultPolicy().RefreshBefore.String())
	before, err := time.ParseDuration(text)
	if err != nil || before < minRefreshBefore || before > maxRefreshBefore {
		r.Wrong("REFRESH_BEFORE", "is %q: expected a duration from %s to %s, such as 25m", text, minRefreshBefore, maxRefreshBefore)
	}
	for i := range connections {
		connections[i].Policy.RefreshBefore = before
	}
	t := Ticks{RefreshBefore: before, Warnings: r.warningDays()}
	t.LastWarning = r.Number("LAST_WARNING_DAYS", 1, 0, 3650, "a number of days from 0 to 3650, such as 1")
	if n := len(t.Warnings); n > 0 && t.Warnings[n-1] <= t.LastWarning {
		r.Wrong("LAST_WARNING_DAYS", "is %q: expected less than the last of WARNING_DAYS, %g", r.getenv("LAST_WARNING_DAYS"), t.Warnings[n-1])
	}
	return t
}

// warningDays reads WARNING_DAYS.
func (r *Reader) warningDays() (warnings []float64) {
	text := r.Get("WARNING_DAYS", "")
	if text == "" {
		return nil
	}
	before := 3651.0
	for item := range strings.SplitSeq(text, ",") {
		days, err := strconv.ParseFloat(strings.TrimSpace(item), 64)
		if err != nil || !(days > 0 && days < before) || len(warnings) == len(metrics.Passed) {
			r.Wrong("WARNING_DAYS", "is %q: expected up to %d numbers of days from 1 to 3650, each below the one before, such as 60,30,14,7", text, len(metrics.Passed))
			return nil
		}
		warnings, before = append(warnings, days), days
	}
	return warnings
}
