package monitoringsink_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	emulator "github.com/tokenkeeper/tokenkeeper/test/cloudmonitoring"
)

func open(t *testing.T) (*emulator.Server, *monitoringsink.Sink) {
	t.Helper()
	server := emulator.Start(t)
	client, err := monitoringsink.NewClient(t.Context(), server.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return server, monitoringsink.New(client, "a-project", "europe-west1", "tokenkeeper")
}

var heartbeat = []metrics.Metric{{Name: metrics.Heartbeat, Value: 1, Unit: metrics.Count}}

func TestMetricsAreReadBack(t *testing.T) {
	server, sink := open(t)
	at := time.Now().UTC()
	require.NoError(t, sink.Publish(t.Context(), at, []metrics.Metric{
		{Name: metrics.FamilyDaysRemaining, Value: 364.97, Unit: metrics.None, Connection: "A_"}, heartbeat[0]}))
	require.Equal(t, []emulator.Point{{At: at, Value: 364.97}},
		server.Points(emulator.Metric{Type: "custom.googleapis.com/tokenkeeper/connection/FamilyDaysRemaining", Connection: "A_"}))
	require.Equal(t, []emulator.Point{{At: at, Value: 1}}, server.Points(emulator.Metric{Type: monitoringsink.Prefix + metrics.Heartbeat}))
}

func TestTwoHundredSeriesACall(t *testing.T) {
	server, sink := open(t)
	var ms []metrics.Metric
	for i := range 401 {
		ms = append(ms, metrics.Metric{Name: metrics.FamilyDaysRemaining, Value: 1, Connection: fmt.Sprintf("C%d_", i)})
	}
	require.NoError(t, sink.Publish(t.Context(), time.Now(), ms))
	require.Len(t, server.Points(emulator.Metric{Type: monitoringsink.OfAConnection + metrics.FamilyDaysRemaining, Connection: "C400_"}), 1)
}

func TestFailures(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "try again")
	series := emulator.Metric{Type: monitoringsink.Prefix + metrics.Heartbeat}
	t.Run("once: tried again", func(t *testing.T) {
		server, sink := open(t)
		server.Fail(false, unavailable)
		require.NoError(t, sink.Publish(t.Context(), time.Now(), heartbeat))
		require.Len(t, server.Points(series), 1)
	})
	t.Run("the answer is lost: written once", func(t *testing.T) {
		server, sink := open(t)
		server.Fail(true, unavailable)
		require.NoError(t, sink.Publish(t.Context(), time.Now(), heartbeat))
		require.Len(t, server.Points(series), 1)
	})
	t.Run("again and again: seen", func(t *testing.T) {
		server, sink := open(t)
		server.Fail(false, unavailable, unavailable, unavailable)
		err := sink.Publish(t.Context(), time.Now(), heartbeat)
		require.ErrorContains(t, err, "publishing 1 metrics in project a-project: Cloud Monitoring answered Unavailable")
	})
	t.Run("denied: seen at once", func(t *testing.T) {
		server, sink := open(t)
		server.Fail(false, status.Error(codes.PermissionDenied, "no"))
		require.ErrorContains(t, sink.Publish(t.Context(), time.Now(), heartbeat), "PermissionDenied")
	})
	t.Run("invalid: seen at once", func(t *testing.T) {
		server, sink := open(t)
		server.Fail(false, status.Error(codes.InvalidArgument, "no"))
		require.ErrorContains(t, sink.Publish(t.Context(), time.Now(), heartbeat), "InvalidArgument")
	})
}
