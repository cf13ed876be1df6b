package alarm

import "math"

// State of an alarm.
type State string

// The states of an alarm.
const (
	OK               State = "OK"
	InAlarm          State = "ALARM"
	InsufficientData State = "INSUFFICIENT_DATA"
)

// Missing says what an alarm makes of data points that are missing.
type Missing string

// The ways to treat missing data.
const (
	TreatAsMissing      Missing = "missing"
	TreatAsIgnore       Missing = "ignore"
	TreatAsBreaching    Missing = "breaching"
	TreatAsNotBreaching Missing = "notBreaching"
)

// point is one data point of an evaluation range.
type point int

const (
	absent point = iota
	within
	breaching
)

// evaluate follows alarms-and-missing-data.html: from the data points of the
// evaluation range, oldest first, and the present state it gives the new state of
// an alarm of m out of n.
func evaluate(points []point, m, n int, treat Missing, current State) State {
	// The newest n that exist, from however far back they come.
	existing, bad := 0, 0
	for i := len(points) - 1; i >= 0 && existing < n; i-- {
		switch points[i] {
		case breaching:
			bad++
			existing++
		case within:
			existing++
		}
	}
	switch filled := n - existing; {
	case treat == TreatAsBreaching:
		return stateIf(bad+filled >= m)
	case bad >= m:
		return InAlarm
	case filled == 0, treat == TreatAsNotBreaching, existing > bad:
		return OK
	case treat == TreatAsIgnore:
		return current
	case matured(points, m):
		return InAlarm
	}
	return InsufficientData
}

// matured is "avoiding premature transitions to alarm state". If all data points
// breach but are too few, an alarm waits until the oldest is m periods old, since
// the next may be within the threshold.
func matured(points []point, m int) bool {
	for i, p := range points {
		if p == breaching {
			return len(points)-i >= m
		}
	}
	return false
}

func stateIf(alarm bool) State {
	if alarm {
		return InAlarm
	}
	return OK
}

// operators compare a data point with the threshold.
var operators = map[string]func(value, threshold float64) bool{
	"GreaterThanOrEqualToThreshold": func(v, t float64) bool { return v >= t },
	"GreaterThanThreshold":          func(v, t float64) bool { return v > t },
	"LessThanThreshold":             func(v, t float64) bool { return v < t },
	"LessThanOrEqualToThreshold":    func(v, t float64) bool { return v <= t },
}

// pointOf judges one value; NaN is a missing data point.
func pointOf(value, threshold float64, breaches func(value, threshold float64) bool) point {
	switch {
	case math.IsNaN(value):
		return absent
	case breaches(value, threshold):
		return breaching
	}
	return within
}
