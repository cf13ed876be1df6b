package main

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// requestTime is how long a request's tick may take: less than the two minutes between
// two, and than the time-out in deploy/gcp.
const requestTime = 100 * time.Second

// makeTick makes one tick, and prints its report. It returns errReported, once the log
// has the reason, if a repetition may achieve more.
func makeTick(ctx context.Context, f *fleet.Fleet, log *slog.Logger, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	report, err := f.Tick(ctx, log)
	printed := printJSON(out, report)
	switch {
	case fleet.Retryable(err):
		log.Error("the tick failed", "error", err)
	case err != nil:
		log.Warn("a person is needed", "error", err)
	}
	if fleet.Retryable(err) || printed != nil {
		return errReported
	}
	return nil
}

// newCloudLog returns a log whose lines Cloud Logging understands.
func newCloudLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: severity})).With("version", config.Version())
}

// severity gives a line of the log the names that Cloud Logging looks for.
func severity(_ []string, a slog.Attr) slog.Attr {
	switch a.Key {
	case slog.LevelKey:
		a.Key = "severity"
		if a.Value.Any() == slog.LevelWarn {
			a.Value = slog.StringValue("WARNING")
		}
	case slog.MessageKey:
		a.Key = "message"
	}
	return a
}

// servedFleet reads the service's environment.
func servedFleet(ctx context.Context, getenv func(string) string) (*fleet.Fleet, error) {
	env := config.NewReader(getenv)
	common := env.Common()
	ticks := env.Ticks(common.Connections)
	stores := storeFlags{name: env.Get("STORE", "")}
	project, ok := stores.project()
	if !ok {
		env.Wrong("STORE", "is %q: expected gcp:PROJECT or gcp:PROJECT/PREFIX", stores.name)
	}
	location := env.Get("LOCATION", "")
	if location == "" {
		env.Wrong("LOCATION", "is empty: expected a region such as europe-west1")
	}
	if common.ConnectionsPath != "" || common.LedgerPath != "" {
		env.Wrong("CONNECTIONS_PATH", "and LEDGER_PATH are AWS's: expected neither; name the connections in CONNECTIONS")
	}
	if err := env.Err(); err != nil {
		return nil, err
	}
	st, err := stores.open(ctx)
	if err != nil {
		return nil, err
	}
	client, err := monitoringsink.NewClient(ctx, os.Getenv("CLOUD_MONITORING_EMULATOR_HOST"))
	if err != nil {
		return nil, err
	}
	k := keeper.New(keeper.Config{
		Store: st, Token: &atlassian.Client{AuthURL: common.AuthURL, APIURL: common.APIURL}, Process: "serve-" + rand.Text()[:12],
	})
	return &fleet.Fleet{
		Keeper:      fleet.Guarded{Keeper: k},
		Introduce:   k.Introduce,
		Connections: common.Connections,
		Sink:        metrics.Limited{Sink: monitoringsink.New(client, project, location, env.Get("NAME", "tokenkeeper")), Connections: 100},
		Parallel:    5,
		LastWarning: ticks.LastWarning,
		Warnings:    ticks.Warnings,
	}, nil
}
