// Package cloudwatchsink publishes metrics by CloudWatch's PutMetricData. The
// call is synchronous, so that its failure is seen; the embedded metric format
// would fail silently.
package cloudwatchsink

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// API is what the sink uses of *cloudwatch.Client.
type API interface {
	PutMetricData(context.Context, *cloudwatch.PutMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error)
}

// Sink publishes into one namespace. It implements metrics.Sink.
type Sink struct {
	api       API
	namespace string
}

// New returns a Sink for the namespace.
func New(api API, namespace string) *Sink { return &Sink{api, namespace} }

// maxMetrics is how many metrics one call may carry.
const maxMetrics = 1000

// Publish sends the metrics, in as few calls as CloudWatch allows.
func (s *Sink) Publish(ctx context.Context, at time.Time, metrics []metrics.Metric) error {
	for chunk := range slices.Chunk(metrics, maxMetrics) {
		data := make([]types.MetricDatum, len(chunk))
		for i, m := range chunk {
			data[i] = types.MetricDatum{
				MetricName: aws.String(m.Name),
				Value:      aws.Float64(m.Value),
				Unit:       types.StandardUnit(m.Unit),
				Timestamp:  aws.Time(at),
			}
			if m.Connection != "" {
				data[i].Dimensions = []types.Dimension{{Name: aws.String("Connection"), Value: aws.String(m.Connection)}}
			}
		}
		if _, err := s.api.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String(s.namespace), MetricData: data}); err != nil {
			return fmt.Errorf("publishing %d metrics in namespace %s: %w", len(chunk), s.namespace, err)
		}
	}
	return nil
}
