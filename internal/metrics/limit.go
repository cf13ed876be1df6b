package metrics

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Limited is a Sink that bounds the number of metrics with the dimension
// Connection, since each costs. Roll-ups stay as they are.
type Limited struct {
	Sink Sink
	// Connections is how many of each metric are sent: the least values, which
	// are the families that end first.
	Connections int
}

// Publish implements Sink.
func (l Limited) Publish(ctx context.Context, at time.Time, metrics []Metric) error {
	sorted := slices.Clone(metrics)
	slices.SortStableFunc(sorted, func(a, b Metric) int { return cmp.Compare(a.Value, b.Value) })
	sent := map[string]int{}
	return l.Sink.Publish(ctx, at, slices.DeleteFunc(sorted, func(m Metric) bool {
		if m.Connection == "" {
			return false
		}
		sent[m.Name]++
		return sent[m.Name] > l.Connections
	}))
}
