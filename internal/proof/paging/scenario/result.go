package scenario

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
)

// Day is a time in days from the start, written with one decimal.
type Day float64

// MarshalJSON implements json.Marshaler.
func (d Day) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%.1f", float64(d)), nil }

// Page is one notification: an alarm that sounds or ends.
type Page struct {
	Day   Day       `json:"day"`
	At    time.Time `json:"at"`
	Alarm string    `json:"alarm"`
	// Urgency is "page" or "ticket", by the topic that is notified.
	Urgency string `json:"urgency"`
	// State is the alarm's new one: "ALARM" or "OK".
	State alarm.State `json:"state"`
	// Explained: the alarm had a reason. Only an ALARM can be without one.
	Explained bool `json:"explained"`
	// FamilyDaysLeft and AccessTokenSecondsLeft are the truth at that moment: 0
	// once the family is dead, null before the first consent.
	FamilyDaysLeft         *float64 `json:"family_days_left_at_page"`
	AccessTokenSecondsLeft *float64 `json:"access_token_seconds_left_at_page"`
}

// Result is what a run came to.
type Result struct {
	Scenario string `json:"scenario"`
	// Pages are all notifications of alarms that sounded, and of their end.
	Pages []Page `json:"pages"`
	// FalsePages counts the alarms without a reason.
	FalsePages int `json:"false_pages"`
	// CauseToPage is the time from the cause to First, in seconds; null where
	// there is no cause or no page.
	CauseToPage *float64 `json:"cause_to_page_seconds"`
	// KnownToPage is the time from KnownAt to First, in seconds.
	KnownToPage *float64 `json:"known_to_page_seconds"`
	// Cause is empty where nothing goes wrong within the days of the run.
	Cause   string     `json:"cause,omitempty"`
	CauseAt *time.Time `json:"cause_at"`
	// KnownAt is the earliest moment at which the cause can be known, KnownBy by what.
	KnownAt *time.Time `json:"known_at"`
	KnownBy string     `json:"known_by,omitempty"`
	// First is the first page, or ticket if the cause calls for no more, that
	// the cause explains.
	First *Page `json:"first_page"`
	// StartNotices are the alarms that told at the start that all is well: a new
	// alarm has insufficient data, and CloudWatch announces its first OK.
	StartNotices int `json:"start_notices"`
	// Sounding are the alarms that are still in ALARM at the end.
	Sounding []string `json:"sounding_at_end"`
	Days     int      `json:"days"`
	Ticks    int      `json:"ticks"`
	// Invocations counts ticks and their retries.
	Invocations int `json:"invocations"`
	// Outcomes counts what these did about connections.
	Outcomes map[keeper.Action]int `json:"outcomes"`
	// Samples of the countdown, Warnings its thresholds in days and Consents the
	// days of the consents, for the chart.
	Samples  []Sample  `json:"-"`
	Warnings []float64 `json:"-"`
	Consents []Day     `json:"-"`
}

// observe turns a change of state into a notification, when it happens. An
// alarm without an action tells nobody.
func (w *world) observe(c alarm.Change) {
	n := notification{change: c, urgency: urgency(c.Alarm.Actions(c.To))}
	if days, access, ok := w.left(c.At); ok {
		days, access = math.Round(days*1e4)/1e4, math.Round(access)
		n.days, n.access = &days, &access
	}
	w.notifications = append(w.notifications, n)
}

// notification is a change of state and what was the case then.
type notification struct {
	change       alarm.Change
	urgency      string
	days, access *float64
}

// judge fills in the result of a world that has come to its end.
func (r *Result) judge(w *world, sc Scenario) {
	r.Pages, r.Sounding = []Page{}, []string{}
	for _, n := range w.notifications {
		switch c := n.change; {
		case n.urgency == "none" || c.To == alarm.InsufficientData:
		case c.To == alarm.OK && c.From == alarm.InsufficientData:
			r.StartNotices++
		default:
			r.add(n, sc, c.To == alarm.OK || w.explained(sc, r, c))
		}
	}
	for _, a := range w.alarms {
		if w.evaluator.State(a.ID) == alarm.InAlarm {
			r.Sounding = append(r.Sounding, shortName(a))
		}
	}
	r.Ticks, r.Invocations, r.Outcomes = w.ticks, w.invocations, w.outcomes
	r.Samples, r.Warnings = w.countdown.samples, w.warnings
	for _, f := range w.em.Families() {
		r.Consents = append(r.Consents, dayOf(f.Born))
	}
}

// add adds the page of a notification.
func (r *Result) add(n notification, sc Scenario, explained bool) {
	c := n.change
	p := Page{Day: dayOf(c.At), At: c.At, Alarm: shortName(c.Alarm), Urgency: n.urgency, State: c.To, Explained: explained,
		FamilyDaysLeft: n.days, AccessTokenSecondsLeft: n.access}
	r.Pages = append(r.Pages, p)
	if !explained {
		r.FalsePages++
	}
	if r.First == nil && r.CauseAt != nil && c.To == alarm.InAlarm && explained && p.Urgency == sc.Urgency && !p.At.Before(*r.CauseAt) {
		r.First = &p
		cause, known := p.At.Sub(*r.CauseAt).Seconds(), p.At.Sub(*r.KnownAt).Seconds()
		r.CauseToPage, r.KnownToPage = &cause, &known
	}
}

// shortName is an alarm's name without the stack's before it.
func shortName(a *alarm.Alarm) string { return strings.TrimPrefix(a.Name, stackName+"-") }

func dayOf(t time.Time) Day { return Day(t.Sub(start).Hours() / 24) }
