package alarm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// policyOf is a policy on one metric that changes one thing.
func policyOf(change func(*Policy)) Policy {
	p := Policy{Name: "p", Channels: []string{"page"}, Metric: Metric{Name: "M"}, Aligner: "ALIGN_MAX", Period: 5 * time.Minute,
		Comparison: "COMPARISON_GT", AutoClose: 30 * time.Minute}
	change(&p)
	return p
}

// Each case writes values at minutes, and lists the minutes at which incidents open
// and close, the latter negative.
func TestPolicies(t *testing.T) {
	every := func(from, to int, value float64) map[int]float64 {
		values := map[int]float64{}
		for minute := from; minute < to; minute += 2 {
			values[minute] = value
		}
		return values
	}
	both := func(a, b map[int]float64) map[int]float64 {
		for minute, value := range b {
			a[minute] = value
		}
		return a
	}
	for _, c := range []struct {
		name   string
		policy Policy
		values map[int]float64
		want   []int
	}{
		{"a threshold", policyOf(func(*Policy) {}), both(every(0, 10, 1), every(10, 30, 0)), []int{1, -14}},
		{"without data it closes by itself", policyOf(func(*Policy) {}), every(0, 10, 1), []int{1, -43}},
		{"it is not violated", policyOf(func(p *Policy) { p.Threshold = 1 }), every(0, 10, 1), nil},
		{"below", policyOf(func(p *Policy) { p.Comparison, p.Threshold = "COMPARISON_LT", 600 }), both(every(0, 10, 700), every(10, 20, 500)), []int{14, -49 - 4}},
		{"a duration", policyOf(func(p *Policy) { p.Aligner, p.Duration = "ALIGN_MIN", 10*time.Minute }), both(every(0, 20, 1), every(20, 40, 0)), []int{11, -21}},
		{"a duration is interrupted", policyOf(func(p *Policy) { p.Aligner, p.Duration = "ALIGN_MIN", 10*time.Minute }), both(every(0, 40, 1), map[int]float64{8: 0, 18: 0, 28: 0, 36: 0}), nil},
		{"missing data changes nothing", policyOf(func(p *Policy) { p.Duration = 10 * time.Minute }), both(every(0, 4, 1), every(30, 40, 1)), []int{11 + 19 + 1, -73}},
		{"missing data is inactive", policyOf(func(p *Policy) { p.Duration, p.Missing = 10*time.Minute, "EVALUATION_MISSING_DATA_INACTIVE" }), both(every(0, 4, 1), every(30, 40, 1)), []int{41, -44}},
		{"missing data is active", policyOf(func(p *Policy) { p.Duration, p.Missing = 10*time.Minute, "EVALUATION_MISSING_DATA_ACTIVE" }), every(0, 2, 1), []int{11}},
		{"an absence", policyOf(func(p *Policy) { p.Absent, p.Duration = true, 13*time.Minute }), both(every(0, 10, 1), every(40, 42, 1)), []int{9 + 13, -41, 54}},
		{"an absence of what never was", policyOf(func(p *Policy) { p.Absent, p.Duration = true, 13*time.Minute }), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := c.policy.Alarm()
			require.NoError(t, err)
			e, begin := NewEvaluator([]*Alarm{a}), time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
			var got []int
			for minute := range 60 * 2 {
				now := begin.Add(time.Duration(minute) * time.Minute)
				for _, change := range e.Evaluate(now) {
					require.NotEqual(t, change.From, change.To)
					if change.To == InAlarm {
						got = append(got, minute)
					} else {
						got = append(got, -minute)
					}
				}
				if value, ok := c.values[minute]; ok {
					e.Samples().Put(Metric{Name: "M"}, now, value, now)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestPoliciesThatCannotBe(t *testing.T) {
	for want, change := range map[string]func(*Policy){
		"whole minutes":                     func(p *Policy) { p.Period = 90 * time.Second },
		"a duration of 24h0m0s is refused":  func(p *Policy) { p.Duration = 24 * time.Hour },
		"a duration of 1m0s is refused":     func(p *Policy) { p.Absent, p.Duration = true, time.Minute },
		`"ALIGN_RATE" is not known`:         func(p *Policy) { p.Aligner = "ALIGN_RATE" },
		`"COMPARISON_GE" is not known`:      func(p *Policy) { p.Comparison = "COMPARISON_GE" },
		"does not go with a duration of 0s": func(p *Policy) { p.Missing = "EVALUATION_MISSING_DATA_NO_OP" },
		"auto_close is 1m0s: expected 30":   func(p *Policy) { p.AutoClose = time.Minute },
	} {
		_, err := policyOf(change).Alarm()
		require.ErrorContains(t, err, want)
	}
}

// Every time series has an incident of its own.
func TestIncidentsOfEach(t *testing.T) {
	a, err := policyOf(func(p *Policy) { p.Each = "Connection" }).Alarm()
	require.NoError(t, err)
	require.True(t, a.Watches("M"))
	e, now := NewEvaluator([]*Alarm{a}), time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	require.Equal(t, OK, e.State("p"))
	for minute, connection := range []string{"A_", "A_", "B_"} {
		at := now.Add(time.Duration(minute) * time.Minute)
		e.Samples().Put(Metric{Name: "M", Dimensions: "Connection=" + connection}, at, 1, at)
		changes := e.Evaluate(at.Add(time.Minute))
		if minute == 1 {
			require.Empty(t, changes)
			continue
		}
		require.Len(t, changes, 1)
		require.Equal(t, "Connection="+connection, changes[0].Contributor)
	}
	require.Equal(t, InAlarm, e.State("p"))
}
