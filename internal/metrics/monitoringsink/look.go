package monitoringsink

import (
	"context"
	"fmt"
	"strings"
	"time"

	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

// Watcher looks at what Cloud Monitoring has of one service. It needs
// monitoring.timeSeries.list and monitoring.alertPolicies.list, which
// roles/monitoring.viewer has.
type Watcher struct {
	series        *monitoring.MetricClient
	policies      *monitoring.AlertPolicyClient
	project, name string
}

// NewWatcher returns a Watcher of the service of that name in a project, with the credentials of the
// environment, or none for an emulator; see NewClient. Close it when it is no longer used.
func NewWatcher(ctx context.Context, emulator, project, name string) (*Watcher, error) {
	series, err := NewClient(ctx, emulator)
	if err != nil {
		return nil, err
	}
	policies, err := monitoring.NewAlertPolicyClient(ctx, options(emulator)...)
	if err != nil {
		_ = series.Close()
		return nil, fmt.Errorf("the alert policies cannot be looked at: %w", err)
	}
	policies.CallOptions = &monitoring.AlertPolicyCallOptions{}
	return &Watcher{series, policies, project, name}, nil
}

// Close ends its connections.
func (w *Watcher) Close() {
	_ = w.series.Close()
	_ = w.policies.Close()
}

// Beat is the newest heartbeat in a span of time before now, or zero.
func (w *Watcher) Beat(ctx context.Context, now time.Time, span time.Duration) (newest time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	found := w.series.ListTimeSeries(ctx, w.beats(now, span, monitoringpb.ListTimeSeriesRequest_FULL))
	for {
		one, err := found.Next()
		switch {
		case err == iterator.Done:
			return newest, nil
		case err != nil:
			return newest, fmt.Errorf("refused or failed: %s", status.Code(err))
		}
		for _, p := range one.GetPoints() {
			if at := p.GetInterval().GetEndTime().AsTime(); at.After(newest) {
				newest = at
			}
		}
	}
}

// seen is how far back Region looks.
const seen = 42 * 24 * time.Hour

// Region is the one that the newest heartbeats name, or empty where there was none in six
// weeks.
func (w *Watcher) Region(ctx context.Context, now time.Time) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	one, err := w.series.ListTimeSeries(ctx, w.beats(now, seen, monitoringpb.ListTimeSeriesRequest_HEADERS)).Next()
	switch {
	case err == iterator.Done:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("refused or failed: %s", status.Code(err))
	}
	return one.GetResource().GetLabels()["location"], nil
}

// beats asks for the heartbeats in a span of time before now.
func (w *Watcher) beats(now time.Time, span time.Duration, view monitoringpb.ListTimeSeriesRequest_TimeSeriesView) *monitoringpb.ListTimeSeriesRequest {
	return &monitoringpb.ListTimeSeriesRequest{
		Name:     "projects/" + w.project,
		Filter:   fmt.Sprintf(`metric.type="%s%s" AND resource.type="generic_task" AND resource.labels.job="%s"`, Prefix, metrics.Heartbeat, w.name),
		Interval: &monitoringpb.TimeInterval{StartTime: timestamppb.New(now.Add(-span)), EndTime: timestamppb.New(now)},
		View:     view,
	}
}

// Alert is an alert policy of the service, by its name without the service's.
type Alert struct {
	Name string
	// Enabled: it is evaluated. Channels is how many it notifies.
	Enabled  bool
	Channels int
}

// Alerts are the service's alert policies.
func (w *Watcher) Alerts(ctx context.Context) (alerts []Alert, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	found := w.policies.ListAlertPolicies(ctx, &monitoringpb.ListAlertPoliciesRequest{Name: "projects/" + w.project})
	for {
		p, err := found.Next()
		switch {
		case err == iterator.Done:
			return alerts, nil
		case err != nil:
			return alerts, fmt.Errorf("refused or failed: %s", status.Code(err))
		}
		if name, ours := strings.CutPrefix(p.GetDisplayName(), w.name+"-"); ours {
			alerts = append(alerts, Alert{name, p.GetEnabled() == nil || p.GetEnabled().GetValue(), len(p.GetNotificationChannels())})
		}
	}
}
