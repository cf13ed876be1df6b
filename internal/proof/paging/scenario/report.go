package scenario

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
)

// Timeline prints a run for a person: the cause, the pages, what they came to.
func Timeline(out io.Writer, sc Scenario, r Result) {
	p := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	p("%s: %s", r.Scenario, sc.Summary)
	p("%d days from %s, %d ticks, %d invocations\n", r.Days, start.Format("2006-01-02 15:04"), r.Ticks, r.Invocations)
	line := func(at time.Time, what string) {
		p("  day %6.2f  %s  %s", at.Sub(start).Hours()/24, at.Format("2006-01-02 15:04:05"), what)
	}
	cause := func() {
		line(*r.CauseAt, "cause    "+r.Cause)
		line(*r.KnownAt, "         can be known from here on, by "+r.KnownBy)
	}
	told := r.CauseAt == nil
	for _, page := range r.Pages {
		if !told && page.At.After(*r.KnownAt) {
			cause()
			told = true
		}
		text := fmt.Sprintf("%-8s %-24s %s", page.label(), page.Alarm, page.truth())
		if !page.Explained {
			text += "  WITHOUT A REASON"
		}
		line(page.At, strings.TrimRight(text, " "))
	}
	if !told {
		cause()
	}
	p("")
	switch {
	case r.First != nil:
		p("First %s %s after the cause, %s after it could be known.", r.First.Urgency, Span(*r.CauseToPage), Span(*r.KnownToPage))
	case r.Cause != "":
		p("Nobody was told of the cause.")
	}
	p("%d false pages. %d alarms told at the start that all is well. Still sounding at the end: %s.", r.FalsePages, r.StartNotices, orNone(r.Sounding))
}

// label is what a notification is called in the timeline.
func (p Page) label() string {
	if p.State == alarm.OK {
		return "ends"
	}
	return strings.ToUpper(p.Urgency)
}

// truth is what was left when the page came.
func (p Page) truth() string {
	if p.FamilyDaysLeft == nil {
		return ""
	}
	return "family " + daysLeft(*p.FamilyDaysLeft) + ", access token " + secondsLeft(*p.AccessTokenSecondsLeft)
}

func daysLeft(days float64) string {
	if days == 0 {
		return "dead"
	}
	if days < 10 {
		return fmt.Sprintf("%.1f days", days)
	}
	return fmt.Sprintf("%.0f days", days)
}

func secondsLeft(seconds float64) string {
	if seconds == 0 {
		return "dead"
	}
	return Span(seconds)
}

// Span prints seconds as minutes and seconds, or as hours from 100 minutes on.
func Span(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	if d >= 100*time.Minute {
		return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
}

// minutes prints seconds in whole minutes, rounded to the worse side.
func minutes(round func(float64) float64, seconds float64) string {
	return fmt.Sprintf("%.0f min", round(seconds/60))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Table prints results as a Markdown table, one line each, in whole minutes
// rounded to the worse side.
func Table(out io.Writer, results []Result) {
	fmt.Fprintln(out, "| scenario | cause | can be known at the earliest by | first told after the cause | after it could be known | alarm | urgency | family then | access token then | false pages |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range results {
		cells := []string{"`" + r.Scenario + "`", "nothing is lost", "–", "–", "–", "none", "–", "–", "–"}
		if r.Cause != "" {
			cells[1], cells[2], cells[5] = r.Cause, r.KnownBy, "**none**"
		}
		if f := r.First; f != nil {
			cells[3], cells[4], cells[5], cells[6] = minutes(math.Ceil, *r.CauseToPage), minutes(math.Ceil, *r.KnownToPage), f.Alarm, f.Urgency
			if f.FamilyDaysLeft != nil {
				cells[7], cells[8] = daysLeft(*f.FamilyDaysLeft), "dead"
				if left := *f.AccessTokenSecondsLeft; left > 0 {
					cells[8] = minutes(math.Floor, left)
				}
			}
		}
		fmt.Fprintf(out, "| %s | %d |\n", strings.Join(cells, " | "), r.FalsePages)
	}
}
