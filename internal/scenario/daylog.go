package scenario

import "time"

// Sample is the countdown at one moment.
type Sample struct {
	At            time.Time
	DaysRemaining float64
}

// dayLog keeps the countdown for the chart.
type dayLog struct {
	samples []Sample
	last    Sample
	// spacing of the samples; a jump is kept whole at any spacing.
	spacing time.Duration
}

// note keeps a sample if it is due, or the first after a jump.
func (d *dayLog) note(at time.Time, days float64) {
	s := Sample{at, days}
	switch n := len(d.samples); {
	case n == 0:
		d.samples = append(d.samples, s)
	case days > d.last.DaysRemaining+1:
		d.samples = append(d.samples, d.last, s)
	case at.Sub(d.samples[n-1].At) >= d.spacing:
		d.samples = append(d.samples, s)
	}
	d.last = s
}
