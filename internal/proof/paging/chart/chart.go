// Package chart draws the result of a simulated scenario: the countdown, the
// thresholds of its warnings, and the notifications.
package chart

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// Size of the chart, and pixels per inch of its PNG: 1800 pixels wide, so that
// it is sharp at the width of a README.
const (
	width, height = 9 * vg.Inch, 4 * vg.Inch
	resolution    = 200
)

// Write writes countdown.svg and countdown.png into a directory, which is made
// if it does not exist.
func Write(dir string, r scenario.Result) error {
	if len(r.Samples) == 0 {
		return fmt.Errorf("scenario %s has no family to count down: there is nothing to draw", r.Scenario)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	image := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(resolution))}
	for name, canvas := range map[string]interface {
		vg.CanvasSizer
		io.WriterTo
	}{"countdown.svg": vgsvg.New(width, height), "countdown.png": image} {
		if err := drawOn(canvas, r); err != nil {
			return err
		}
		if err := save(filepath.Join(dir, name), canvas); err != nil {
			return err
		}
	}
	return nil
}

func save(path string, content io.WriterTo) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	_, err = content.WriteTo(&text)
	if err == nil {
		_, err = f.Write(restyle(text.Bytes()))
	}
	return errors.Join(err, f.Close())
}

// restyle adds to an SVG a similar font for readers without the chart's own, and
// light lines for dark mode; a PNG stays as it is.
func restyle(image []byte) []byte {
	image = bytes.ReplaceAll(image, []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	var dark strings.Builder
	for from, to := range map[color.RGBA]string{ink: "#d5dae2", faint: "#6b7482", line: "#6cb0ff", page: "#ff7b86", ticket: "#f3b54a", consent: "#63c793", white: "none"} {
		hex := fmt.Sprintf("#%02X%02X%02X", from.R, from.G, from.B)
		fmt.Fprintf(&dark, "[style*=\"fill:%s\"]{fill:%s!important}[style*=\"stroke:%s\"]{stroke:%s!important}\n", hex, to, hex, to)
	}
	lines := strings.SplitAfter(dark.String(), "\n")
	slices.Sort(lines)
	style := "<style>@media (prefers-color-scheme: dark) {\n" + strings.Join(lines, "") + "}</style>\n<g transform"
	return bytes.Replace(image, []byte("<g transform"), []byte(style), 1)
}

// white is the ground that plots are drawn on.
var white = color.RGBA{0xff, 0xff, 0xff, 0xff}

// drawOn draws the whole run and, where the countdown warned, its last two
// months beside it.
func drawOn(canvas vg.CanvasSizer, r scenario.Result) error {
	whole, err := panel{title: "Days until the token family ends: " + strings.ReplaceAll(r.Scenario, "-", " "), from: 0, to: float64(r.Days), legend: true}.plot(r)
	if err != nil {
		return err
	}
	c := draw.New(canvas)
	first, warned := firstWarning(r)
	if !warned {
		whole.Draw(draw.Crop(c, margin, -margin, margin, -margin))
		return nil
	}
	last, err := panel{title: "The last weeks", from: first - 20, to: min(float64(r.Days), first+70), ceiling: r.Warnings[0] + 6, labels: true}.plot(r)
	if err != nil {
		return err
	}
	split := width * 0.56
	whole.Draw(draw.Crop(c, margin, split-width, margin, -margin))
	last.Draw(draw.Crop(c, split+margin, -margin, margin, -margin))
	return nil
}

const margin = 6 * vg.Millimeter / 2

// firstWarning is the day of the first page that came on a threshold.
func firstWarning(r scenario.Result) (float64, bool) {
	for _, p := range r.Pages {
		if p.State == alarm.InAlarm && p.FamilyDaysLeft != nil && len(r.Warnings) > 0 && near(*p.FamilyDaysLeft, r.Warnings[0]) {
			return float64(p.Day), true
		}
	}
	return 0, false
}

// near: a warning comes within minutes of its threshold.
func near(days, threshold float64) bool { return days <= threshold && days > threshold-0.1 }
