package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// printer prints lines until one cannot be written; err says why.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// table prints counts by name, and nothing without counts.
func (p *printer) table(title string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	p.line("%s:", title)
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		p.line("  %7d  %s", counts[name], name)
	}
}

// printJSON prints v as indented JSON.
func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// minute prints a time for a person.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// either chooses between two texts.
func either(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
