package chart_test

import (
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/chart"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// aYear is a result as a healthy year has it.
func aYear() scenario.Result {
	start := time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	r := scenario.Result{Scenario: "a-year", Days: 400, Warnings: []float64{60, 30, 14, 7, 1}, Consents: []scenario.Day{0, 364.5}}
	for d := 0.0; d <= 400; d++ {
		left := 365 - d
		if d > 364.5 {
			left = 365 + 364.5 - d
		}
		r.Samples = append(r.Samples, scenario.Sample{At: start.Add(time.Duration(d*24) * time.Hour), DaysRemaining: left})
	}
	for _, w := range r.Warnings {
		p := scenario.Page{Day: scenario.Day(365 - w), At: start.Add(time.Duration((365-w)*24) * time.Hour), Urgency: "ticket", State: alarm.InAlarm, FamilyDaysLeft: &w}
		if w <= 7 {
			p.Urgency = "page"
		}
		r.Pages = append(r.Pages, p)
	}
	return r
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "charts")
	require.NoError(t, chart.Write(dir, aYear()))
	svg, err := os.ReadFile(filepath.Join(dir, "countdown.svg"))
	require.NoError(t, err)
	for _, text := range []string{"Days until the token family ends: a year", "The last weeks", "days since the consent", "days remaining", "thresholds of the warnings",
		"new consent", "FamilyDaysRemaining", "day 305", "day 335", "day 351", "day 358", "day 364", "ticket", "page", "Arial",
		"prefers-color-scheme: dark", `[style*="fill:#FFFFFF"]{fill:none!important}`, `[style*="fill:#333A45"]{fill:#d5dae2!important}`} {
		require.Contains(t, string(svg), text)
	}

	f, err := os.Open(filepath.Join(dir, "countdown.png"))
	require.NoError(t, err)
	defer f.Close()
	image, err := png.Decode(f)
	require.NoError(t, err)
	require.Equal(t, 1800, image.Bounds().Dx())
	require.Equal(t, 800, image.Bounds().Dy())
	colours := map[[3]uint32]bool{}
	for x := 0; x < 1800; x += 3 { // the thinnest mark is wider
		for y := 0; y < 800; y += 3 {
			r, g, b, _ := image.At(x, y).RGBA()
			colours[[3]uint32{r >> 8, g >> 8, b >> 8}] = true
		}
	}
	for name, c := range map[string][3]uint32{"countdown": {0x1f, 0x5f, 0xa8}, "page": {0xc2, 0x1f, 0x30}, "ticket": {0xe0, 0x8e, 0x0b}, "consent": {0x2f, 0x85, 0x5a}} {
		require.True(t, colours[c], "the colour of the %s is in the picture", name)
	}
}

// TestWithoutWarnings: a run of days has one panel.
func TestWithoutWarnings(t *testing.T) {
	r := aYear()
	r.Days, r.Samples, r.Pages, r.Consents = 4, r.Samples[:5], nil, r.Consents[:1]
	dir := t.TempDir()
	require.NoError(t, chart.Write(dir, r))
	svg, err := os.ReadFile(filepath.Join(dir, "countdown.svg"))
	require.NoError(t, err)
	require.NotContains(t, string(svg), "The last weeks")
	require.NotContains(t, string(svg), "new consent")
}

func TestWhatCannotBeDrawn(t *testing.T) {
	r := aYear()
	r.Samples = nil
	require.ErrorContains(t, chart.Write(t.TempDir(), r), "scenario a-year has no family to count down")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, chart.Write(file, aYear()))
}
