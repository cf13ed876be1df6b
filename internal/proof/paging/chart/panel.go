package chart

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// Colours that differ in lightness as well.
var (
	ink     = color.RGBA{0x33, 0x3a, 0x45, 0xff}
	faint   = color.RGBA{0xb4, 0xbc, 0xc8, 0xff}
	line    = color.RGBA{0x1f, 0x5f, 0xa8, 0xff}
	page    = color.RGBA{0xc2, 0x1f, 0x30, 0xff}
	ticket  = color.RGBA{0xe0, 0x8e, 0x0b, 0xff}
	consent = color.RGBA{0x2f, 0x85, 0x5a, 0xff}
)

// panel is one view of a run.
type panel struct {
	title    string
	from, to float64
	// ceiling cuts the days remaining; 0 shows all.
	ceiling        float64
	legend, labels bool
}

// plot draws the panel.
func (v panel) plot(r scenario.Result) (*plot.Plot, error) {
	p := plot.New()
	style(p)
	p.Title.Text = v.title
	p.X.Label.Text, p.Y.Label.Text = "days since the consent", "days remaining"
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = v.from, v.to, 0, v.ceiling
	if v.ceiling == 0 {
		for _, s := range r.Samples {
			p.Y.Max = max(p.Y.Max, s.DaysRemaining*1.08)
		}
	}
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks(v.from, v.to), ticks(0, p.Y.Max)
	if v.labels {
		p.Y.Tick.Marker = thresholdTicks(r.Warnings)
	}
	for _, add := range []func(*plot.Plot, scenario.Result) error{v.thresholds, v.consents, v.countdown, v.notifications} {
		if err := add(p, r); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func style(p *plot.Plot) {
	sans := font.Font{Typeface: "Liberation", Variant: "Sans"}
	set := func(t *text.Style, size vg.Length) { t.Font, t.Font.Size, t.Color = sans, size, ink }
	p.Title.TextStyle.Font = sans
	set(&p.Title.TextStyle, 11)
	p.Title.Padding = 6
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		set(&a.Label.TextStyle, 10)
		set(&a.Tick.Label, 9)
		a.LineStyle.Color, a.Tick.LineStyle.Color = ink, ink
		a.Padding = 0
	}
	set(&p.Legend.TextStyle, 9)
	p.Legend.Left, p.Legend.XOffs, p.Legend.YOffs = true, 10, 40 // below the saw-tooth, above the thresholds
	p.Legend.Padding, p.Legend.ThumbnailWidth = 2, 16
}

// thresholds are drawn behind everything else; where there are labels, beside them.
func (v panel) thresholds(p *plot.Plot, r scenario.Result) error {
	for i, days := range r.Warnings {
		from := v.from
		if v.labels {
			from = v.lastConsentBefore(r) + lifetimeDays - days
		}
		l, err := plotter.NewLine(plotter.XYs{{X: from, Y: days}, {X: v.to, Y: days}})
		if err != nil {
			return err
		}
		l.LineStyle = draw.LineStyle{Color: faint, Width: 0.8, Dashes: []vg.Length{3, 3}}
		p.Add(l)
		if i == 0 && v.legend {
			p.Legend.Add("thresholds of the warnings", l)
		}
	}
	return nil
}

// lifetimeDays is how long a family lives.
const lifetimeDays = 365

// lastConsentBefore is the day of the consent whose family the panel shows.
func (v panel) lastConsentBefore(r scenario.Result) (day float64) {
	for _, c := range r.Consents {
		if float64(c) < v.from {
			day = float64(c)
		}
	}
	return day
}

// consents after the first are vertical lines.
func (v panel) consents(p *plot.Plot, r scenario.Result) error {
	for i, day := range r.Consents {
		x := float64(day)
		if i == 0 || x < v.from || x > v.to || day < 1 {
			continue
		}
		l, err := plotter.NewLine(plotter.XYs{{X: x, Y: 0}, {X: x, Y: p.Y.Max}})
		if err != nil {
			return err
		}
		l.LineStyle = draw.LineStyle{Color: consent, Width: 1.2, Dashes: []vg.Length{6, 3}}
		p.Add(l)
		if v.legend {
			p.Legend.Add("new consent", l)
		}
	}
	return nil
}

// countdown is the metric itself, as far as it fits.
func (v panel) countdown(p *plot.Plot, r scenario.Result) error {
	var runs []plotter.XYs
	open := false
	for _, s := range r.Samples {
		x, y := s.At.Sub(r.Samples[0].At).Hours()/24, s.DaysRemaining
		if x < v.from || x > v.to || y > p.Y.Max || y < 0 {
			open = false
			continue
		}
		if n := len(runs); open && y > runs[n-1][len(runs[n-1])-1].Y+1 {
			open = v.ceiling == 0 // the jump of a new consent belongs to the saw-tooth
		}
		if !open {
			runs = append(runs, nil)
			open = true
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], plotter.XY{X: x, Y: y})
	}
	for i, run := range runs {
		l, err := plotter.NewLine(run)
		if err != nil {
			return err
		}
		l.LineStyle = draw.LineStyle{Color: line, Width: 2}
		p.Add(l)
		if i == 0 && v.legend {
			p.Legend.Add("FamilyDaysRemaining", l)
		}
	}
	return nil
}

// notifications are marks on the countdown, labelled with their day.
func (v panel) notifications(p *plot.Plot, r scenario.Result) error {
	for _, kind := range []struct {
		urgency string
		color   color.RGBA
		shape   draw.GlyphDrawer
	}{
		{"ticket", ticket, draw.BoxGlyph{}},
		{"page", page, draw.CircleGlyph{}},
	} {
		marks := plotter.XYLabels{}
		for _, n := range r.Pages {
			x := n.At.Sub(r.Samples[0].At).Hours() / 24
			if n.State != alarm.InAlarm || n.Urgency != kind.urgency || n.FamilyDaysLeft == nil || x < v.from || x > v.to {
				continue
			}
			marks.XYs = append(marks.XYs, plotter.XY{X: x, Y: *n.FamilyDaysLeft})
			marks.Labels = append(marks.Labels, fmt.Sprintf("day %.0f", float64(n.Day)))
		}
		if len(marks.XYs) == 0 {
			continue
		}
		s, err := plotter.NewScatter(marks.XYs)
		if err != nil {
			return err
		}
		s.GlyphStyle = draw.GlyphStyle{Color: kind.color, Radius: 3.2, Shape: kind.shape}
		p.Add(s)
		if v.legend {
			p.Legend.Add(kind.urgency, s)
		}
		if v.labels {
			if err := label(p, marks, kind.color); err != nil {
				return err
			}
		}
	}
	return nil
}

func label(p *plot.Plot, marks plotter.XYLabels, c color.RGBA) error {
	l, err := plotter.NewLabels(marks)
	if err != nil {
		return err
	}
	for i := range l.TextStyle {
		l.TextStyle[i].Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 8.5}
		l.TextStyle[i].Color = c
		l.TextStyle[i].XAlign, l.TextStyle[i].YAlign = text.XRight, text.YCenter
	}
	l.Offset = vg.Point{X: -11} // a viewer's font may be wider than the one it was laid out in
	p.Add(l)
	return nil
}

// ticks are about six round numbers.
func ticks(from, to float64) plot.Ticker {
	step := 0.5
	for _, s := range []float64{1, 2, 5, 10, 20, 50, 100} {
		if (to-from)/step > 8 {
			step = s
		}
	}
	var marks plot.ConstantTicks
	for x := step * float64(int(from/step)); x <= to; x += step {
		if x >= from {
			marks = append(marks, plot.Tick{Value: x, Label: fmt.Sprintf("%g", x)})
		}
	}
	return marks
}

func thresholdTicks(warnings []float64) plot.Ticker {
	marks := plot.ConstantTicks{}
	for _, w := range warnings {
		marks = append(marks, plot.Tick{Value: w, Label: fmt.Sprintf("%g", w)})
	}
	return marks
}
