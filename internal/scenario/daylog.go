package scenario

import "time"

// Sample is the countdown at one moment.
type Sample struct {
	At            time.Time
	DaysRemaining float64
}

// dayLog keeps the countdown for the chart, a few samples a day.
type dayLog struct {
	samples []Sample
	ran     int
}

// resolution of the chart, in time. A jump is kept at any resolution.
const resolution = 6 * time.Hour

func (d *dayLog) note(at time.Time, days float64) {
	if n := len(d.samples); n > 0 {
		last := d.samples[n-1]
		if jump := days - last.DaysRemaining; at.Sub(last.At) < resolution && jump < 1 {
			return
		}
	}
	d.samples = append(d.samples, Sample{at, days})
}

func (d *dayLog) ticked() { d.ran++ }
