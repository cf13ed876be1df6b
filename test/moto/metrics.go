package moto

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Metric is a metric that was published.
type Metric struct {
	Name       string
	Dimensions map[string]string
}

// Metrics lists the metrics of a namespace, each once. AWS's free tier limits their
// number.
func (s *Server) Metrics(t testing.TB, namespace string) []Metric {
	t.Helper()
	var found []Metric
	pages := cloudwatch.NewListMetricsPaginator(s.CloudWatch(), &cloudwatch.ListMetricsInput{Namespace: aws.String(namespace)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatalf("listing the metrics of namespace %s: %v", namespace, err)
		}
		for _, m := range page.Metrics {
			metric := Metric{Name: aws.ToString(m.MetricName), Dimensions: map[string]string{}}
			for _, d := range m.Dimensions {
				metric.Dimensions[aws.ToString(d.Name)] = aws.ToString(d.Value)
			}
			same := func(o Metric) bool {
				return o.Name == metric.Name && maps.Equal(o.Dimensions, metric.Dimensions)
			}
			if !slices.ContainsFunc(found, same) {
				found = append(found, metric)
			}
		}
	}
	return found
}

// Values reads a metric as CloudWatch's users do: one value for each minute in which it
// was published, oldest first. The minutes of from and of to are included. statistic is
// Sum, Minimum, Maximum, Average or SampleCount.
//
// For a metric without dimensions, moto also returns the values of metrics of the same
// name with dimensions. CloudWatch does not. If both were published, Values fails the
// test: use Published. For a metric with dimensions, moto ignores the namespace.
func (s *Server) Values(t testing.TB, namespace string, m Metric, statistic string, from, to time.Time) []float64 {
	t.Helper()
	if len(m.Dimensions) == 0 && slices.ContainsFunc(s.Metrics(t, namespace), func(o Metric) bool {
		return o.Name == m.Name && len(o.Dimensions) > 0
	}) {
		t.Fatalf("the metric %s of namespace %s was published with and without dimensions, and moto mixes them: use Published", m.Name, namespace)
	}
	metric := &types.Metric{Namespace: aws.String(namespace), MetricName: aws.String(m.Name)}
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		metric.Dimensions = append(metric.Dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(m.Dimensions[name])})
	}
	out, err := s.CloudWatch().GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(from.UTC().Truncate(time.Minute)),
		EndTime:   aws.Time(to.UTC().Truncate(time.Minute).Add(time.Minute)),
		ScanBy:    types.ScanByTimestampAscending,
		MetricDataQueries: []types.MetricDataQuery{{
			Id:         aws.String("m"),
			MetricStat: &types.MetricStat{Metric: metric, Period: aws.Int32(60), Stat: aws.String(statistic)},
		}},
	})
	if err != nil {
		t.Fatalf("reading the metric %s of namespace %s: %v", m.Name, namespace, err)
	}
	var values []float64
	for _, r := range out.MetricDataResults {
		values = append(values, r.Values...)
	}
	return values
}

// Published returns all values of a metric without dimensions, in the order of their
// publication. It reads moto's own state, which keeps metrics with and without
// dimensions apart.
func (s *Server) Published(t testing.TB, namespace, name string) []float64 {
	t.Helper()
	resp, err := http.Get(s.URL + "/moto-api/data.json")
	if err != nil {
		t.Fatalf("reading moto's state: %v", err)
	}
	defer resp.Body.Close()
	var state struct {
		CloudWatch struct {
			MetricDatum []struct {
				Namespace, Name string
				Value           float64
				// Dimensions is present, and empty, only for a metric without dimensions.
				Dimensions *[]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
		t.Fatalf("reading moto's state: %v", err)
	}
	var values []float64
	for _, d := range state.CloudWatch.MetricDatum {
		if d.Namespace == namespace && d.Name == name && d.Dimensions != nil && len(*d.Dimensions) == 0 {
			values = append(values, d.Value)
		}
	}
	return values
}
