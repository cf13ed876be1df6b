// Package cloudmonitoring is an emulator of three calls of Google Cloud Monitoring, at
// the level of gRPC, for the real client library: one writes metrics, one reads a
// metric without labels of its own, and one lists alert policies, which it never
// evaluates. It follows the API reference: at most 200 series a call, one point each,
// none that is not newer than the one before. It was never compared with Google's own
// servers.
//
// Only tests import this package.
package cloudmonitoring

import (
	"context"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/monitoring/apiv3/v2/monitoringpb"
	metricpb "google.golang.org/genproto/googleapis/api/metric"
	"google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Server is a running emulator.
type Server struct {
	monitoringpb.UnimplementedMetricServiceServer
	// Address is its host and port.
	Address string

	mu       sync.Mutex
	points   map[Metric][]Point
	resource map[Metric]*monitoredres.MonitoredResource
	fail     []error
	after    bool
	policies []*monitoringpb.AlertPolicy
	before   func(method string) error
	done     func(method string)
}

// alerts is the service of alert policies, which has names of methods in common with
// the other.
type alerts struct {
	monitoringpb.UnimplementedAlertPolicyServiceServer
	*Server
}

// Metric is one time series: a type, and the label "connection" where it has it.
type Metric struct{ Type, Connection string }

// Point is one of its values.
type Point struct {
	At    time.Time
	Value float64
}

// Start starts an emulator, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: listener.Addr().String(), points: map[Metric][]Point{}, resource: map[Metric]*monitoredres.MonitoredResource{}}
	g := grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	monitoringpb.RegisterMetricServiceServer(g, s)
	monitoringpb.RegisterAlertPolicyServiceServer(g, alerts{Server: s})
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return s
}

// Fail lets the next calls fail, one each; with after they take effect first.
func (s *Server) Fail(after bool, errs ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail, s.after = errs, after
}

// Around lets before see each call, whose error is the answer, and after those that were
// carried out.
func (s *Server) Around(before func(method string) error, after func(method string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.done = before, after
}

func (s *Server) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	s.mu.Lock()
	before, done := s.before, s.done
	s.mu.Unlock()
	method := info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:]
	if before != nil {
		if err := before(method); err != nil {
			return nil, err
		}
	}
	answer, err := handler(ctx, request)
	if done != nil {
		done(method)
	}
	return answer, err
}

// Points are the values of a series, the oldest first.
func (s *Server) Points(m Metric) []Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Point{}, s.points[m]...)
}

// CreateTimeSeries implements the API.
func (s *Server) CreateTimeSeries(_ context.Context, r *monitoringpb.CreateTimeSeriesRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var failure error
	if len(s.fail) > 0 {
		failure, s.fail = s.fail[0], s.fail[1:]
		if !s.after {
			return nil, failure
		}
	}
	if len(r.GetTimeSeries()) > 200 {
		return nil, status.Error(codes.InvalidArgument, "There are more than 200 time series.")
	}
	for _, series := range r.GetTimeSeries() {
		if len(series.GetPoints()) != 1 {
			return nil, status.Error(codes.InvalidArgument, "Each series needs exactly one point.")
		}
		m := Metric{series.GetMetric().GetType(), series.GetMetric().GetLabels()["connection"]}
		at := series.GetPoints()[0].GetInterval().GetEndTime().AsTime()
		before := s.points[m]
		if len(before) > 0 && !at.After(before[len(before)-1].At) {
			return nil, status.Error(codes.InvalidArgument, "Points must be written in order.")
		}
		s.resource[m] = series.GetResource()
		s.points[m] = append(before, Point{at, series.GetPoints()[0].GetValue().GetDoubleValue()})
	}
	return &emptypb.Empty{}, failure
}

// failure is the next one that was asked for, if any. It needs the lock.
func (s *Server) failure() (err error) {
	if len(s.fail) > 0 {
		err, s.fail = s.fail[0], s.fail[1:]
	}
	return err
}

// theType is the metric's in a filter.
var theType = regexp.MustCompile(`metric\.type="([^"]+)"`)

// ListTimeSeries implements the API, for one metric without labels.
func (s *Server) ListTimeSeries(_ context.Context, r *monitoringpb.ListTimeSeriesRequest) (*monitoringpb.ListTimeSeriesResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.failure(); err != nil {
		return nil, err
	}
	found := theType.FindStringSubmatch(r.GetFilter())
	if found == nil {
		return nil, status.Error(codes.InvalidArgument, "The filter names no metric.")
	}
	series := &monitoringpb.TimeSeries{Metric: &metricpb.Metric{Type: found[1]}, Resource: s.resource[Metric{Type: found[1]}]}
	for _, p := range slices.Backward(s.points[Metric{Type: found[1]}]) {
		if !p.At.Before(r.GetInterval().GetStartTime().AsTime()) && !p.At.After(r.GetInterval().GetEndTime().AsTime()) {
			series.Points = append(series.Points, &monitoringpb.Point{Interval: &monitoringpb.TimeInterval{EndTime: timestamppb.New(p.At)},
				Value: &monitoringpb.TypedValue{Value: &monitoringpb.TypedValue_DoubleValue{DoubleValue: p.Value}}})
		}
	}
	if series.Points == nil {
		return &monitoringpb.ListTimeSeriesResponse{}, nil
	}
	if r.GetView() == monitoringpb.ListTimeSeriesRequest_HEADERS {
		series.Points = nil
	}
	return &monitoringpb.ListTimeSeriesResponse{TimeSeries: []*monitoringpb.TimeSeries{series}}, nil
}

// Have lets the project have these alert policies.
func (s *Server) Have(policies ...*monitoringpb.AlertPolicy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.policies = policies
}

// ListAlertPolicies implements the API.
func (a alerts) ListAlertPolicies(context.Context, *monitoringpb.ListAlertPoliciesRequest) (*monitoringpb.ListAlertPoliciesResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.failure(); err != nil {
		return nil, err
	}
	return &monitoringpb.ListAlertPoliciesResponse{AlertPolicies: a.policies}, nil
}
