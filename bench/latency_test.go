package bench

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// How far away the services are in BenchmarkRotationTime.
const (
	awsLatency  = 10 * time.Millisecond
	postLatency = 150 * time.Millisecond
)

// latencyBound is the least that a rotation waits: for the read, the intent, the
// token request, the settle, the copies (side by side), and the metrics.
var latencyBound = []time.Duration{awsLatency, awsLatency, postLatency, awsLatency, awsLatency, awsLatency}

// BenchmarkRotationTime measures a rotation in a process that has made others.
// Every call of AWS takes 10 ms, the token request 150 ms, and nothing else takes
// time. The SDK's clients, the protocol and the requests are real. In the same run
// it measures six waits of those lengths, which are the bound.
func BenchmarkRotationTime(b *testing.B) {
	clock := atlassiantest.NewRunningClock()
	emulator := atlassiantest.New(atlassiantest.Config{Clock: clock})
	aws := parameterStore{b, memstore.New(clock.Now), clock.Now}.awsConfig(awsLatency)
	atlassian := &atlassian.Client{AuthURL: "https://atlassian.invalid", APIURL: "https://atlassian.invalid",
		HTTPClient: &http.Client{Transport: distant{emulator.Handler(), postLatency}}}
	p := parts{clock, emulator, ssmstore.New(ssmstore.NewClient(aws), "alias/aws/ssm", clock.Now), atlassian, distantSink{}}.start(b)
	var rotations, bounds time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		p.tick(b, schedule, keeper.Idle)
		p.clock.Advance(rotating)
		b.StartTimer()
		begun := time.Now()
		p.tick(b, 0, keeper.Rotated)
		rotations += time.Since(begun)
		b.StopTimer()
		begun = time.Now()
		for _, wait := range latencyBound {
			time.Sleep(wait)
		}
		bounds += time.Since(begun)
		n++
		b.StartTimer()
	}
	require.Positive(b, n)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rotations.Seconds()*1e3/float64(n), "ms/op")
	b.ReportMetric(bounds.Seconds()*1e3/float64(n), "bound-ms")
	b.ReportMetric(rotations.Seconds()/bounds.Seconds(), "ratio")
}

// distantSink is CloudWatch at the same distance.
type distantSink struct{}

func (distantSink) Publish(ctx context.Context, _ time.Time, _ []metrics.Metric) error {
	time.Sleep(awsLatency)
	return ctx.Err()
}
