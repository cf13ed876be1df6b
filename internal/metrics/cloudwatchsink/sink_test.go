package cloudwatchsink_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/cloudwatchsink"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

func TestMetricsAreReadBack(t *testing.T) {
	server := moto.Start(t)
	sink := cloudwatchsink.New(cloudwatchsink.NewClient(server.AWSConfig()), "TokenKeeper")
	at := time.Now()
	require.NoError(t, sink.Publish(t.Context(), at, []metrics.Metric{
		{Name: metrics.FamilyDaysRemaining, Value: 364.97, Unit: metrics.None, Connection: "A_"},
		{Name: metrics.Heartbeat, Value: 1, Unit: metrics.Count},
	}))
	require.Equal(t, []float64{364.97}, server.Values(t, "TokenKeeper",
		moto.Metric{Name: metrics.FamilyDaysRemaining, Dimensions: map[string]string{"Connection": "A_"}}, "Minimum", at, at))
	require.Equal(t, []float64{1}, server.Values(t, "TokenKeeper", moto.Metric{Name: metrics.Heartbeat}, "Sum", at, at))
}

// calls counts what is sent to the real thing.
type calls struct {
	*cloudwatch.Client
	sizes []int
}

func (c *calls) PutMetricData(ctx context.Context, in *cloudwatch.PutMetricDataInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error) {
	c.sizes = append(c.sizes, len(in.MetricData))
	return c.Client.PutMetricData(ctx, in, opts...)
}

func TestAThousandMetricsACall(t *testing.T) {
	server := moto.Start(t)
	api := &calls{Client: cloudwatchsink.NewClient(server.AWSConfig())}
	var ms []metrics.Metric
	for i := range 2001 {
		ms = append(ms, metrics.Metric{Name: metrics.FamilyDaysRemaining, Value: 1, Unit: metrics.None, Connection: fmt.Sprintf("C%d_", i)})
	}
	require.NoError(t, cloudwatchsink.New(api, "Many").Publish(t.Context(), time.Now(), ms))
	require.Equal(t, []int{1000, 1000, 1}, api.sizes)
}

func TestAFailureIsSeen(t *testing.T) {
	cfg := moto.Start(t).AWSConfig()
	cfg.BaseEndpoint = aws.String("http://127.0.0.1:1")
	cfg.RetryMaxAttempts = 1
	err := cloudwatchsink.New(cloudwatchsink.NewClient(cfg), "TokenKeeper").Publish(t.Context(), time.Now(), []metrics.Metric{{Name: "Heartbeat"}})
	require.ErrorContains(t, err, "TokenKeeper")
}
