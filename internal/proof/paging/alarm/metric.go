package alarm

import (
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// Metric names a metric. Two metrics with other dimensions have nothing to do
// with each other.
type Metric struct {
	Namespace, Name string
	// Dimensions as DimensionsOf writes them; empty for none.
	Dimensions string
}

// DimensionsOf gives the dimensions the form in which metrics are compared.
func DimensionsOf(dimensions map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(dimensions)) {
		parts = append(parts, name+"="+dimensions[name])
	}
	return strings.Join(parts, ",")
}

// statistics are CloudWatch's statistic set of the samples of one minute or of
// one period.
type statistics struct {
	count, sum, least, most float64
}

func (s *statistics) add(o statistics) {
	if s.count == 0 {
		*s = o
		return
	}
	s.count += o.count
	s.sum += o.sum
	s.least, s.most = min(s.least, o.least), max(s.most, o.most)
}

// value of a statistic by its CloudWatch name; NaN where there is no sample.
func (s statistics) value(statistic string) float64 {
	if s.count == 0 {
		return math.NaN()
	}
	switch statistic {
	case "Sum":
		return s.sum
	case "Minimum":
		return s.least
	case "Maximum":
		return s.most
	case "SampleCount":
		return s.count
	}
	return s.sum / s.count // Average; parse.go lets nothing else in
}

// Samples are the metrics' data, as much of it as alarms still look at. The
// zero Samples is not usable; see NewSamples.
type Samples struct {
	retention time.Duration
	series    map[Metric]*series
	// late is what was put and is not yet visible, in the order of visibility.
	late []sample
}

type sample struct {
	metric  Metric
	minute  int64
	value   float64
	visible time.Time
}

// series holds the minutes that have samples, in order.
type series struct{ minutes []bucket }

type bucket struct {
	minute int64
	statistics
}

// NewSamples returns an empty store that forgets what is older than retention.
func NewSamples(retention time.Duration) *Samples {
	return &Samples{retention: retention, series: map[Metric]*series{}}
}

// Put stores a sample with the given timestamp. CloudWatch keeps timestamps of
// standard resolution to the minute. An evaluation before visible does not see
// the sample: publishing and ingestion take their time.
func (s *Samples) Put(m Metric, at time.Time, value float64, visible time.Time) {
	n := sample{m, minuteOf(at), value, visible}
	i := len(s.late)
	for i > 0 && s.late[i-1].visible.After(visible) {
		i--
	}
	s.late = slices.Insert(s.late, i, n)
}

// Len is how many minutes with samples are kept, of all metrics together.
func (s *Samples) Len() (n int) {
	for _, line := range s.series {
		n += len(line.minutes)
	}
	return n
}

// reveal makes visible what has arrived by now.
func (s *Samples) reveal(now time.Time) {
	n := 0
	for n < len(s.late) && !s.late[n].visible.After(now) {
		s.insert(s.late[n])
		n++
	}
	if n > 0 {
		s.late = append(s.late[:0], s.late[n:]...)
	}
}

func (s *Samples) insert(n sample) {
	line := s.series[n.metric]
	if line == nil {
		line = &series{}
		s.series[n.metric] = line
	}
	m := line.minutes
	i := len(m)
	for i > 0 && m[i-1].minute > n.minute {
		i--
	}
	one := statistics{1, n.value, n.value, n.value}
	if i > 0 && m[i-1].minute == n.minute {
		m[i-1].add(one)
		return
	}
	m = slices.Insert(m, i, bucket{n.minute, one})
	// Forgetting half at a time costs little per sample.
	oldest := n.minute - int64(s.retention/time.Minute)
	if half := len(m) / 2; len(m) > 64 && m[half].minute < oldest {
		m = append(m[:0], m[half:]...)
	}
	line.minutes = m
}

// over returns the statistics over the minutes from ≤ m < to.
func (line *series) over(from, to int64) (all statistics) {
	if line == nil || len(line.minutes) == 0 || line.minutes[len(line.minutes)-1].minute < from {
		return all
	}
	i := sort.Search(len(line.minutes), func(i int) bool { return line.minutes[i].minute >= from })
	for ; i < len(line.minutes) && line.minutes[i].minute < to; i++ {
		all.add(line.minutes[i].statistics)
	}
	return all
}

// minuteOf counts minutes since the epoch.
func minuteOf(t time.Time) int64 {
	s := t.Unix()
	if s < 0 {
		s -= 59
	}
	return s / 60
}
