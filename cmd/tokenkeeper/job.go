package main

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/monitoringsink"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// jobTime is how long a job's tick may take: less than the two minutes between two,
// and than the time-out in deploy/gcp.
const jobTime = 100 * time.Second

// newJobCommand returns "tokenkeeper job".
func newJobCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "job",
		Short: "Make one tick for all connections, as a scheduled job in Google Cloud",
		Long: `Makes one tick for all connections, publishes the metrics to Cloud Monitoring, and
ends: for whoever has a schedule of their own. What deploy/gcp runs is the command
serve. It has no flags; the environment configures it, as it does the function in AWS:

  STORE                 gcp:PROJECT or gcp:PROJECT/PREFIX
  CONNECTIONS           the connections, separated by commas
  LOCATION              the region that the metrics name
  JOB                   tells several jobs of a project apart; default tokenkeeper
  REFRESH_BEFORE, FAMILY_LIFETIME_DAYS, ACCESS_TOKEN_FORMAT, WARNING_DAYS,
  LAST_WARNING_DAYS     as in docs/configuration.md

It exits with 1 if a repetition may achieve more. What only a person can mend is told
by the metrics, and by lines of JSON on standard error.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newCloudLog(cmd.ErrOrStderr())
			f, err := newJob(cmd.Context(), os.Getenv)
			if err != nil {
				log.Error("the job cannot start", "error", err)
				return errReported
			}
			return makeTick(cmd.Context(), f, log, cmd.OutOrStdout())
		},
	}
}

// makeTick makes one tick, and prints its report. It returns errReported, once the log
// has the reason, if a repetition may achieve more.
func makeTick(ctx context.Context, f *fleet.Fleet, log *slog.Logger, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, jobTime)
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

// newJob reads the job's environment.
func newJob(ctx context.Context, getenv func(string) string) (*fleet.Fleet, error) {
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
	return &fleet.Fleet{
		Keeper: fleet.Guarded{Keeper: keeper.New(keeper.Config{
			Store: st, Token: &atlassian.Client{AuthURL: common.AuthURL, APIURL: common.APIURL}, Process: "job-" + rand.Text()[:12],
		})},
		Connections: common.Connections,
		Sink:        metrics.Limited{Sink: monitoringsink.New(client, project, location, env.Get("JOB", "tokenkeeper")), Connections: 100},
		Parallel:    5,
		LastWarning: ticks.LastWarning,
		Warnings:    ticks.Warnings,
	}, nil
}
