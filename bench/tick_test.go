package bench

import (
	"context"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/cloudwatchsink"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// The ticks that are measured, on the schedule of the template.
const (
	schedule = 2 * time.Minute
	// rotating is long enough after a rotation for the next.
	rotating = 40 * time.Minute
)

// BenchmarkTick measures whole ticks of one connection over real HTTP, against
// moto and the emulator, in one process and in simulated time. Most of the time is
// theirs; the calls are the refresher's.
func BenchmarkTick(b *testing.B) {
	b.Run("idle", func(b *testing.B) {
		p, sinceRotation := newProcess(b), time.Duration(0)
		p.measure(b, keeper.Idle, func() {
			if sinceRotation += schedule; sinceRotation > rotating/2 {
				p.tick(b, rotating, keeper.Rotated)
				p.tick(b, schedule, keeper.Idle)
				sinceRotation = 2 * schedule
			}
		})
	})
	b.Run("rotation", func(b *testing.B) {
		p := newProcess(b)
		p.measure(b, keeper.Rotated, func() {
			p.tick(b, schedule, keeper.Idle)
			p.clock.Advance(rotating)
		})
	})
	b.Run("after a rotation", func(b *testing.B) {
		p := newProcess(b)
		p.measure(b, keeper.Idle, func() { p.tick(b, rotating, keeper.Rotated) })
	})
}

// BenchmarkTickProcess measures the most memory that the built function uses in
// ticks of one connection. They follow each other at once.
func BenchmarkTickProcess(b *testing.B) {
	w := world.New(b, world.Options{})
	w.RequireAction(w.Tick(), "rotated")
	var rss int64
	for b.Loop() {
		b.StopTimer()
		w.Pass(rotating)
		b.StartTimer()
		tick := w.Tick()
		w.RequireAction(tick, "rotated")
		rss = max(rss, tick.PeakRSS)
	}
	b.ReportMetric(float64(rss)/(1<<20), "peak-RSS-MiB")
}

// process is the refresher as the function wires it, with a clock of its own.
type process struct {
	*fleet.Fleet
	clock *atlassiantest.Clock
	aws   *moto.Clocked
	token *posts
}

// posts counts the requests for tokens.
type posts struct {
	keeper.TokenEndpoint
	n int
}

func (p *posts) Refresh(ctx context.Context, app atlassian.App, token atlassian.Secret) (atlassian.Token, error) {
	p.n++
	return p.TokenEndpoint.Refresh(ctx, app, token)
}

// newProcess returns a process beside moto that has made its first rotation, and
// has read it back.
func newProcess(b *testing.B) *process {
	clock := atlassiantest.NewClock(time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC))
	emulator := atlassiantest.New(atlassiantest.Config{Clock: clock})
	server := atlassiantest.NewServer(emulator)
	b.Cleanup(server.Close)
	cloud := moto.Start(b).Clocked(b, clock.Now)
	p := parts{clock, emulator, ssmstore.New(ssmstore.NewClient(cloud.AWSConfig()), "alias/aws/ssm", clock.Now),
		&atlassian.Client{AuthURL: server.URL, APIURL: server.URL}, cloudwatchsink.New(cloudwatchsink.NewClient(cloud.AWSConfig()), "Bench")}.start(b)
	p.aws = cloud
	return p
}

// parts are what a process works with.
type parts struct {
	clock      *atlassiantest.Clock
	emulator   *atlassiantest.Emulator
	parameters store.Store
	token      keeper.TokenEndpoint
	sink       metrics.Sink
}

// start consents, stores the tokens, and lets a process make its first ticks.
func (parts parts) start(b *testing.B) *process {
	fix, err := parts.emulator.AddFixture()
	require.NoError(b, err)
	tokens, err := parts.emulator.Authorize(atlassiantest.ConsentRequest{ClientID: fix.App.ClientID, AccountID: fix.Account.ID, CloudID: fix.Site.CloudID})
	require.NoError(b, err)
	connection := family.Connection{Name: rand.Text() + "_JIRA_", Policy: family.DefaultPolicy()}
	names := family.NamesOf(connection.Name)
	for name, value := range map[string]atlassian.Secret{names.ClientID: atlassian.NewSecret(fix.App.ClientID),
		names.ClientSecret: fix.App.ClientSecret, names.RefreshToken: tokens.Refresh} {
		_, err := parts.parameters.Write(b.Context(), name, value, store.Encrypted)
		require.NoError(b, err)
	}
	clock := parts.clock
	sleep := func(_ context.Context, d time.Duration) { clock.Advance(d) }
	p := &process{clock: clock, token: &posts{TokenEndpoint: parts.token}}
	p.Fleet = &fleet.Fleet{
		Keeper: keeper.New(keeper.Config{Store: parts.parameters, Token: p.token, Now: clock.Now, Sleep: sleep, Process: "bench"}),
		Sink:   parts.sink, Connections: []family.Connection{connection},
		Now: clock.Now, Sleep: sleep, Parallel: 1, LastWarning: 1,
	}
	p.tick(b, 0, keeper.Rotated)
	p.tick(b, schedule, keeper.Idle)
	return p
}

// tick lets time pass and makes a tick, which must end in the given action.
func (p *process) tick(b *testing.B, pass time.Duration, want keeper.Action) {
	p.clock.Advance(pass)
	report, err := p.Tick(b.Context(), slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	require.Equal(b, want, report.Connections[0].Action, report.Connections[0].Reason)
}

// measure makes ticks on schedule, each after what must come before it.
func (p *process) measure(b *testing.B, want keeper.Action, before func()) {
	var calls, kms, posts, n int
	for b.Loop() {
		b.StopTimer()
		before()
		p.aws.Counts()
		p.token.n = 0
		b.StartTimer()
		p.tick(b, schedule, want)
		n++
		counts := p.aws.Counts()
		calls, kms, posts = calls+counts.Calls, kms+counts.KMS, posts+p.token.n
	}
	require.Positive(b, n)
	b.ReportMetric(float64(calls)/float64(n), "AWS-calls/op")
	b.ReportMetric(float64(kms)/float64(n), "KMS-requests/op")
	b.ReportMetric(float64(posts)/float64(n), "POSTs/op")
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1e3/float64(n), "ms/op")
}
