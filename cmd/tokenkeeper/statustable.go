package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
)

// table prints a line for each connection.
func table(out io.Writer, reports []health.Report, s style) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATE\tCONNECTION\tFAMILY ENDS\tACCESS TOKEN\tLAST TICK\tNEXT STEP")
	for _, r := range reports {
		ends, access := "-", "-"
		if f := r.Family; f != nil {
			ends = fmt.Sprintf("%s %s (%.0f d)", s.bar(f.DaysRemaining/(f.AgeDays+f.DaysRemaining)), f.ExpiresAt.UTC().Format(time.DateOnly), f.DaysRemaining)
			access = ending(f.AccessExpiresAt, r.At)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.State, r.Connection, ends, access, lastTick(r), terminal.Printable(r.Do))
	}
	_ = w.Flush() // into memory
	lines := strings.SplitAfter(b.String(), "\n")
	fmt.Fprint(out, lines[0])
	for i, r := range reports { // colours have no width, so they come last
		state, rest := lines[i+1][:len(r.State)], lines[i+1][len(r.State):]
		fmt.Fprint(out, s.level(r.Level, state), rest)
	}
}

func ending(at, now time.Time) string {
	switch {
	case at.IsZero():
		return "-"
	case !at.After(now):
		return "ended " + health.Lasting(now.Sub(at)) + " ago"
	}
	return health.Lasting(at.Sub(now))
}

// lastTick is the newest sign of one.
func lastTick(r health.Report) string {
	at := r.Seen
	if r.Tick != nil {
		at = r.Tick.At
	}
	if at.IsZero() {
		return "-"
	}
	return health.Lasting(max(0, r.At.Sub(at))) + " ago"
}

// style is how text may look where it goes.
type style struct{ terminal, colour, blocks bool }

const clearScreen = "\x1b[H\x1b[2J"

// styleOf looks at where the text goes: colours are for terminals alone, and not
// where NO_COLOR is set (no-color.org).
func styleOf(out io.Writer) style {
	var s style
	if file, ok := out.(*os.File); ok {
		s.terminal = term.IsTerminal(int(file.Fd()))
	}
	s.colour = s.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := os.Getenv(name); v != "" {
			s.blocks = strings.Contains(strings.ToUpper(strings.ReplaceAll(v, "-", "")), "UTF8")
			break
		}
	}
	return s
}

// level colours a text by how bad it is.
func (s style) level(l health.Level, text string) string {
	if !s.colour {
		return text
	}
	return [...]string{"\x1b[32m", "\x1b[33m", "\x1b[31m"}[l] + text + "\x1b[0m"
}

// barWidth is the length of a bar.
const barWidth = 10

// bar shows a share of one.
func (s style) bar(share float64) string {
	full := int(share*barWidth + 0.5)
	full = max(0, min(barWidth, full))
	if s.blocks {
		return strings.Repeat("█", full) + strings.Repeat("░", barWidth-full)
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}
