package alarm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// retain is what AWS's tables call "Retain current state".
const retain State = "retain"

// TestAWSExamples are the tables of alarms-and-missing-data.html, "How alarm
// state is evaluated when data is missing", in its present and (marked) its
// earlier edition, and the examples of "Avoiding premature transitions to alarm
// state". The evaluation range is 5, newest data point on the right.
func TestAWSExamples(t *testing.T) {
	for _, tt := range []struct {
		points                                   string
		m, n                                     int
		missing, ignore, breaching, notBreaching State
	}{
		// 3 out of 3.
		{"0-X-X", 3, 3, OK, OK, OK, OK},
		{"0----", 3, 3, OK, OK, OK, OK},
		{"-----", 3, 3, InsufficientData, retain, InAlarm, OK},
		{"0XX-X", 3, 3, InAlarm, InAlarm, InAlarm, InAlarm},
		{"--X--", 3, 3, InAlarm, retain, InAlarm, OK},
		{"----X", 3, 3, InsufficientData, retain, InAlarm, OK}, // earlier edition; now: "does not go immediately into ALARM"
		{"X----", 3, 3, InAlarm, retain, InAlarm, OK},          // earlier edition
		{"---X-", 3, 3, InsufficientData, retain, InAlarm, OK}, // "does not go immediately into ALARM"
		// 2 out of 3.
		{"0-X-X", 2, 3, InAlarm, InAlarm, InAlarm, InAlarm},
		{"00X0X", 2, 3, InAlarm, InAlarm, InAlarm, InAlarm},
		{"0-X--", 2, 3, OK, OK, InAlarm, OK},
		{"----0", 2, 3, OK, OK, InAlarm, OK},
		{"---X-", 2, 3, InAlarm, retain, InAlarm, OK},
		{"----X", 2, 3, InsufficientData, retain, InAlarm, OK}, // earlier edition
	} {
		for treat, want := range map[Missing]State{
			TreatAsMissing: tt.missing, TreatAsIgnore: tt.ignore, TreatAsBreaching: tt.breaching, TreatAsNotBreaching: tt.notBreaching,
		} {
			for _, current := range []State{OK, InAlarm, InsufficientData} {
				want := want
				if want == retain {
					want = current
				}
				require.Equal(t, want, evaluate(pointsOf(tt.points), tt.m, tt.n, treat, current),
					"%q, %d out of %d, %s, in state %s", tt.points, tt.m, tt.n, treat, current)
			}
		}
	}
}

// pointsOf reads AWS's notation.
func pointsOf(text string) (points []point) {
	for _, c := range text {
		points = append(points, map[rune]point{'0': within, 'X': breaching, '-': absent}[c])
	}
	return points
}

// TestNewestDataPointsDecide: where nothing is missing, what lies further back
// than the evaluation periods counts for nothing.
func TestNewestDataPointsDecide(t *testing.T) {
	for text, want := range map[string]State{"XX000": OK, "00XXX": InAlarm, "X0XX0": OK, "XXX0X": OK} {
		require.Equal(t, want, evaluate(pointsOf(text), 3, 3, TreatAsBreaching, InsufficientData), text)
	}
	for text, want := range map[string]State{"000X": InAlarm, "00X0": OK} {
		require.Equal(t, want, evaluate(pointsOf(text), 1, 1, TreatAsMissing, OK), text)
	}
}

func TestThresholds(t *testing.T) {
	for name, want := range map[string][3]point{ // below, at and above
		"GreaterThanOrEqualToThreshold": {within, breaching, breaching},
		"GreaterThanThreshold":          {within, within, breaching},
		"LessThanThreshold":             {breaching, within, within},
		"LessThanOrEqualToThreshold":    {breaching, breaching, within},
	} {
		for i, value := range []float64{59.9999, 60, 60.0001} {
			require.Equal(t, want[i], pointOf(value, 60, operators[name]), "%v %s 60", value, name)
		}
	}
}
