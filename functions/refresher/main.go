// The refresher is the Lambda function behind the schedule: one tick for every
// connection. Its configuration is in settings.go, its event in event.go, its part
// in a deployment in deployment.go; what a tick does is in internal/fleet and internal/keeper.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/config/awsenv"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/cloudwatchsink"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// parallel connections at a time: all five that a stack can have, so that none
// waits behind others whose token requests hang. Parameter Store takes about
// three writes a second, but a rotation spends most of its time waiting.
const parallel = 5

// parallelOfMany is parallel where a paced store keeps the calls apart.
const parallelOfMany = 8

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("version", config.Version())
	slog.SetDefault(log) // aws-lambda-go prints through the log package
	limitMemory(os.Getenv)
	tick, look, err := wire()
	if err != nil {
		// Every invocation fails with the reason, which the function's alarm sees.
		log.Error("the function cannot start", "error", err)
		tick = func(context.Context, *slog.Logger) (fleet.Report, error) { return fleet.Report{}, err }
		look = &looker{connections: func(context.Context, *slog.Logger) ([]family.Connection, error) { return nil, err }}
	}
	lambda.Start(handler(log, newDeployment(os.Getenv(stackID)), tick, look))
}

// tickFunc is fleet.Fleet.Tick.
type tickFunc func(context.Context, *slog.Logger) (fleet.Report, error)

// wire makes the tick, and what tells how the connections are, from the
// environment.
func wire() (tickFunc, *looker, error) {
	c, err := settingsFrom(os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	aws, err := awsenv.Config(os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	api := &atlassian.Client{AuthURL: c.AuthURL, APIURL: c.APIURL}
	client := ssmstore.NewClient(aws)
	parameters := ssmstore.New(client, c.KeyID, time.Now)
	if c.noChangeHours > 0 {
		parameters = parameters.NotifyUnchanged(c.noChangeHours, refreshTokens(c.Connections), func(name string, err error) {
			slog.Error("a refresh token is saved without its NoChangeNotification: nobody is told if it is not written any more", "parameter", name, "error", err)
		})
	}
	if c.ConnectionsPath != "" {
		parameters = parameters.Paced(c.rates)
	}
	k := keeper.New(keeper.Config{Store: parameters, Token: api, Sites: api, Process: rand.Text()[:12]})
	f := fleet.Fleet{
		Keeper:      fleet.Guarded{Keeper: k},
		Introduce:   k.Introduce,
		Connections: c.Connections,
		Sink:        metrics.Limited{Sink: cloudwatchsink.New(cloudwatchsink.NewClient(aws), c.namespace), Connections: c.metricsLimit},
		Parallel:    parallel,
		LastWarning: c.ticks.LastWarning,
		Warnings:    c.ticks.Warnings,
	}
	look := &looker{store: parameters, last: c.ticks.LastWarning, warning: c.ticks.LastWarning,
		connections: func(context.Context, *slog.Logger) ([]family.Connection, error) { return c.Connections, nil }}
	if len(c.ticks.Warnings) > 0 {
		look.warning = c.ticks.Warnings[0]
	}
	if c.ConnectionsPath != "" {
		list := &config.List{Source: ssmstore.NewByPath(client, c.ConnectionsPath), Root: c.ParameterPath, Connection: c.connection}
		f.List, f.Survey, f.Parallel = list.Connections, parameters, parallelOfMany
		look.connections = func(ctx context.Context, log *slog.Logger) ([]family.Connection, error) {
			conns, _, err := list.Connections(ctx, log)
			return conns, err
		}
	}
	return f.Tick, look, nil
}

// refreshTokens are the names of the connections' refresh tokens.
func refreshTokens(connections []family.Connection) (names []string) {
	for _, c := range connections {
		names = append(names, family.NamesOf(c.Name).RefreshToken)
	}
	return names
}

// handler serves one event.
func handler(log *slog.Logger, deployed deployment, tick tickFunc, look *looker) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, payload json.RawMessage) (any, error) {
		log := log // of this request: the function outlives it
		if lc, ok := lambdacontext.FromContext(ctx); ok {
			log = log.With("request_id", lc.AwsRequestID)
		}
		if e, ok := parseDeployment(payload); ok {
			return fleet.Report{}, deployed.answer(ctx, e, tick, log)
		}
		e, err := parseEvent(payload)
		if err != nil {
			log.Error("refused", "error", err)
			return fleet.Report{}, err
		}
		if e.Action == actionHealth {
			return look.answer(ctx, e.Connection, log)
		}
		if !e.ScheduledTime.IsZero() {
			log = log.With("scheduled_time", e.ScheduledTime)
		}
		report, err := tick(ctx, log)
		look.remember(report, time.Now())
		report.Version = config.Version()
		if err == nil {
			return report, nil
		}
		if fleet.Retryable(err) {
			log.Error("the tick failed, and Lambda repeats it", "error", err)
			return report, err
		}
		log.Warn("a person is needed", "error", err)
		return report, nil
	}
}
