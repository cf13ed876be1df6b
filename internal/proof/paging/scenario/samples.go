package scenario

import "time"

// Sample is the countdown at one moment.
type Sample struct {
	At            time.Time
	DaysRemaining float64
}

// sampler keeps samples of the countdown for the chart.
type sampler struct {
	samples []Sample
	last    Sample
	// spacing of the samples; a jump is kept whole at any spacing.
	spacing time.Duration
}

// note keeps a sample if it is due, or the first after a jump.
func (k *sampler) note(at time.Time, days float64) {
	s := Sample{at, days}
	switch n := len(k.samples); {
	case n == 0:
		k.samples = append(k.samples, s)
	case days > k.last.DaysRemaining+1:
		k.samples = append(k.samples, k.last, s)
	case at.Sub(k.samples[n-1].At) >= k.spacing:
		k.samples = append(k.samples, s)
	}
	k.last = s
}
