package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
)

// document is the JSON of several connections; of one it is the report itself.
type document struct {
	// The worst connection's.
	State   health.State `json:"state"`
	Level   health.Level `json:"level"`
	Verdict string       `json:"verdict"`
	Action  string       `json:"action"`
	Do      string       `json:"do"`
	// Place is where the parameters are.
	Place       place           `json:"place"`
	Connections []health.Report `json:"connections"`
}

// oneDocument is the JSON of one connection.
type oneDocument struct {
	health.Report
	Place place `json:"place"`
}

func (f *statusFlags) document(reports []health.Report, at place) any {
	if f.one && len(reports) == 1 {
		return oneDocument{reports[0], at}
	}
	w := worst(reports)
	return document{w.State, w.Level, headline(reports), string(w.Action), w.Do, at, reports}
}

// headline is the verdict about all connections, in a line.
func headline(reports []health.Report) string {
	w := worst(reports)
	if len(reports) == 1 {
		return w.Verdict
	}
	needing, first := 0, time.Time{}
	for _, r := range reports {
		if r.Level != health.Fine {
			needing++
		}
		if !r.Until.IsZero() && (first.IsZero() || r.Until.Before(first)) {
			first = r.Until
		}
	}
	if needing == 0 {
		return fmt.Sprintf("OK until %s: all %d connections are well; nobody needs to act", first.UTC().Format(time.DateOnly), len(reports))
	}
	word, rest, _ := strings.Cut(w.Verdict, ": ")
	return fmt.Sprintf("%s: %s (%d of %d connections need somebody): %s", word, w.Connection, needing, len(reports), rest)
}

// screen is what a person sees.
func (f *statusFlags) screen(reports []health.Report, at place, s style) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, s.level(worst(reports).Level, terminal.Printable(headline(reports))))
	if len(reports) == 1 && reports[0].State == health.NotFound {
		return b.Bytes() // there is nothing to tell
	}
	if !f.one {
		fmt.Fprintln(&b)
		table(&b, reports, s)
	}
	if len(reports) == 1 {
		fmt.Fprintln(&b)
		details(&b, reports[0], at)
	}
	return b.Bytes()
}

// details prints what is known about one connection.
func details(out io.Writer, r health.Report, at place) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	line := func(name, format string, args ...any) {
		fmt.Fprintln(w, name+"\t"+terminal.Printable(fmt.Sprintf(format, args...)))
	}
	for _, also := range r.Also {
		line("besides", "%s", also)
	}
	line("connection", "%s, in %s", r.Connection, at)
	if r.Reason != "" {
		line("reason", "%s", r.Reason)
	}
	if r.State == health.Unreadable {
		return
	}
	line("app", "%s", either(r.AppStored, "client id and secret are stored", "client id or secret is missing, or may not be read"))
	line("cloud id", "%s", cmp.Or(r.CloudID, "not stored"))
	if r.Family == nil {
		line("family", "none: there is no refresh token yet")
	} else {
		familyDetails(r.Family, r.At, line)
	}
	if in := r.Spend; in != nil {
		line("spend", "%s was presented %s ago by %s", either(in.Candidate, "what somebody wrote to REFRESH_TOKEN", "the refresh token"), r.At.Sub(in.FirstAt).Round(time.Second),
			either(in.Owner != "", "process "+in.Owner+", whose answer is awaited", "a process that has got no answer"))
	}
	if l := r.Lock; l != nil {
		line("lock", "psoxy's, held for %s%s", r.At.Sub(l.HeldSince).Round(time.Second), either(l.Stale, "; stale", ""))
	}
	if c := r.Consent; c != nil && c.Needs != "" {
		line("consent", "its tokens wait for a decision (%s) until %s; they are not in use", c.Needs, minute(c.Until))
	} else if c != nil {
		line("consent", "under way until %s", minute(c.Until))
	}
	if t := r.Tick; t != nil {
		line("last tick", "%s: %s: %s", minute(t.At), t.Action, t.Reason)
	} else if !r.Seen.IsZero() {
		line("last tick", "wrote at %s; one that has nothing to do leaves no trace", minute(r.Seen))
	}
	if r.Notice != "" {
		line("notice", "%s", r.Notice)
	}
	line("next tick", "%s", r.NextTick)
	if len(r.Denied) > 0 {
		line("not read", "%s: access is denied", strings.Join(r.Denied, ", "))
	}
}

func familyDetails(f *health.Family, now time.Time, line func(name, format string, args ...any)) {
	source := "the consent"
	switch f.AuthorizedAtSource {
	case family.FromAdoption:
		source = "when REFRESH_TOKEN was stored; the consent may be older"
	case family.FromPerson:
		source = "tokenkeeper adopt"
	}
	line("authorized at", "%s (known from %s)", minute(f.AuthorizedAt), source)
	line("age", "%.1f days", f.AgeDays)
	switch ends := f.ExpiresAt.UTC().Format(time.DateOnly); {
	case f.Refused:
		line("expires", "it is lost; by its age it would end on %s", ends)
	case f.DaysRemaining <= 0:
		line("expires", "on %s it was too old, %.1f days ago", ends, -f.DaysRemaining)
	default:
		line("expires", "%s, in %.1f days: consent again before then", ends, f.DaysRemaining)
	}
	if !f.Refused {
		line("inactivity", "ends it in %.1f days, if it is not rotated before", f.InactivityDaysRemaining)
	}
	line("rotations", "%d%s", f.Generation, either(f.RotatedAt.IsZero(), "", ", the last at "+minute(f.RotatedAt)))
	switch left := f.AccessExpiresAt.Sub(now).Round(time.Second); {
	case f.AccessExpiresAt.IsZero():
		line("access token", "not known how long it lives")
	case left <= 0:
		line("access token", "expired at %s", minute(f.AccessExpiresAt))
	default:
		line("access token", "good for %s", left)
	}
	line("scopes", "%s", either(len(f.Scopes) > 0, strings.Join(f.Scopes, " "), "not known"))
	if l := f.LastFailure; l == nil {
		line("last failure", "none since the last rotation")
	} else {
		line("last failure", "%s %sat %s, %d in a row%s", l.Class, either(l.Code != "", "("+l.Code+") ", ""), minute(l.At), l.Count,
			either(f.Refused, ": the family is lost", ""))
	}
}

// watching looks again and again. On a terminal the screen is drawn again;
// elsewhere the changes are printed.
func (f *statusFlags) watching(cmd *cobra.Command, ask asker) error {
	out, ctx := cmd.OutOrStdout(), cmd.Context()
	s := styleOf(out)
	var last error
	shown := ""
	for {
		reports, at, err := ask(ctx)
		if ctx.Err() != nil {
			return cmp.Or(last, error(exitCode(0)))
		}
		text := ""
		if err != nil {
			last = exitCode(exitFailed)
			text = "tokenkeeper: " + describe(err) + "; it is tried again\n"
		} else {
			last = exitCode(worst(reports).Level)
			text = string(f.screen(reports, at, s))
		}
		if s.terminal {
			text = clearScreen + text + "\n" + time.Now().UTC().Format("15:04:05Z") + ", every " + f.every.String() + "; Ctrl-C ends it\n"
		} else if key := headline(reports); err == nil && key == shown {
			text = ""
		} else {
			shown = key
		}
		if _, err := io.WriteString(out, text); err != nil {
			return err
		}
		pause(ctx, f.every)
	}
}
