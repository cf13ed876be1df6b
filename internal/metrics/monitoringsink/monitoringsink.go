// Package monitoringsink publishes metrics to Google Cloud Monitoring: as custom
// metrics, each a gauge, so that alert policies compare the very numbers. Metrics
// taken from log lines would only count lines or sort values into buckets, and
// would go on saying 0 where a missing heartbeat has to be missing.
//
// The type of a metric is custom.googleapis.com/tokenkeeper/NAME. One connection's is
// custom.googleapis.com/tokenkeeper/connection/NAME with the label "connection", so
// that a policy means either. All belong to one generic_task, so that a series goes
// on whichever process writes it. The call needs roles/monitoring.metricWriter.
package monitoringsink

import (
	"context"
	"fmt"
	"slices"
	"time"

	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	metricpb "google.golang.org/genproto/googleapis/api/metric"
	monitoredrespb "google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// What the types of the metrics begin with: over all connections, and of one.
const (
	Prefix        = "custom.googleapis.com/tokenkeeper/"
	OfAConnection = Prefix + "connection/"
)

// maxSeries is how many series one call may write (API reference,
// CreateTimeSeriesRequest).
const maxSeries = 200

// attemptTimeout bounds a call, and maxAttempts how often it is made; a call that
// hangs must not take the rest of the tick with it.
const (
	attemptTimeout = 4 * time.Second
	maxAttempts    = 2
)

// API is what the sink uses of *monitoring.MetricClient.
type API interface {
	CreateTimeSeries(context.Context, *monitoringpb.CreateTimeSeriesRequest, ...gax.CallOption) error
}

var _ API = (*monitoring.MetricClient)(nil)

// NewClient returns a client for New. emulator is the host and port of an emulator;
// where it is empty, the credentials are the environment's.
func NewClient(ctx context.Context, emulator string) (*monitoring.MetricClient, error) {
	c, err := monitoring.NewMetricClient(ctx, options(emulator)...)
	if err != nil {
		return nil, fmt.Errorf("the metrics cannot be published to Google Cloud: %w", err)
	}
	c.CallOptions = &monitoring.MetricCallOptions{}
	return c, nil
}

// idle is how long a connection is kept without a call: less than the time between two
// ticks, in which a service of Cloud Run would not notice that the other side has gone.
const idle = time.Minute

// options are those of a client of an emulator, or of Google.
func options(emulator string) []option.ClientOption {
	all := []option.ClientOption{option.WithGRPCDialOption(grpc.WithIdleTimeout(idle))}
	if emulator == "" {
		return all
	}
	return append(all, option.WithEndpoint(emulator), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
}

// Sink publishes into one project. It implements metrics.Sink.
type Sink struct {
	api                     API
	project, location, name string
}

var _ metrics.Sink = (*Sink)(nil)

// New returns a Sink for the project. location is a region, and name tells several
// services of one project apart.
func New(api API, project, location, name string) *Sink { return &Sink{api, project, location, name} }

// Publish sends the metrics, in as few calls as Cloud Monitoring allows.
func (s *Sink) Publish(ctx context.Context, at time.Time, ms []metrics.Metric) error {
	for chunk := range slices.Chunk(ms, maxSeries) {
		series := make([]*monitoringpb.TimeSeries, len(chunk))
		for i, m := range chunk {
			series[i] = s.series(at, m)
		}
		if err := s.send(ctx, &monitoringpb.CreateTimeSeriesRequest{Name: "projects/" + s.project, TimeSeries: series}); err != nil {
			return fmt.Errorf("publishing %d metrics in project %s: Cloud Monitoring answered %s", len(chunk), s.project, status.Code(err))
		}
	}
	return nil
}

func (s *Sink) series(at time.Time, m metrics.Metric) *monitoringpb.TimeSeries {
	metric := &metricpb.Metric{Type: Prefix + m.Name}
	if m.Connection != "" {
		metric.Type, metric.Labels = OfAConnection+m.Name, map[string]string{"connection": m.Connection}
	}
	return &monitoringpb.TimeSeries{
		Metric: metric,
		Resource: &monitoredrespb.MonitoredResource{Type: "generic_task", Labels: map[string]string{
			"project_id": s.project, "location": s.location, "namespace": "tokenkeeper", "job": s.name, "task_id": "tick"}},
		MetricKind: metricpb.MetricDescriptor_GAUGE,
		ValueType:  metricpb.MetricDescriptor_DOUBLE,
		Points: []*monitoringpb.Point{{
			Interval: &monitoringpb.TimeInterval{EndTime: timestamppb.New(at)},
			Value:    &monitoringpb.TypedValue{Value: &monitoringpb.TypedValue_DoubleValue{DoubleValue: m.Value}},
		}},
	}
}

// send makes a call, and again where nobody answered. A repetition of what was
// written is refused as not newer, and counts as written.
func (s *Sink) send(ctx context.Context, r *monitoringpb.CreateTimeSeriesRequest) (err error) {
	for attempt := range maxAttempts {
		bounded, cancel := context.WithTimeout(ctx, attemptTimeout)
		err = s.api.CreateTimeSeries(bounded, r)
		cancel()
		switch code := status.Code(err); {
		case code == codes.InvalidArgument && attempt > 0:
			return nil
		case code != codes.Unavailable && code != codes.DeadlineExceeded && code != codes.Internal || ctx.Err() != nil:
			return err
		}
	}
	return err
}
