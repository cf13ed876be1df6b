package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics/exporter"
)

// parallel is how many connections are served at a time, so that none waits behind
// one whose token request hangs.
const parallel = 5

// runFlags are those of "tokenkeeper run" alone.
type runFlags struct {
	connections   []string
	list          listFlags
	ledgerPath    string
	every         time.Duration
	refreshBefore time.Duration
	listen        string
}

// newRunCommand returns "tokenkeeper run".
func newRunCommand() *cobra.Command {
	var (
		flags    runFlags
		stores   storeFlags
		hosts    atlassianFlags
		policies policyFlags
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Keep connections alive until stopped: the tick on a timer",
		Long: `Makes a tick at once and then every two minutes, as the deployed function does,
for whoever runs a container or a service instead of Lambda. It shows what it did
to Prometheus under /metrics, and under /healthz whether ticks still end.

Stop it by SIGTERM or Ctrl-C and give it two minutes: a rotation that has begun is
saved first, and none begins any more. A kill in the middle loses nothing while
the next start comes within minutes. Several may run at once; one of them rotates.`,
		Example: `  tokenkeeper run --store file:/var/lib/tokenkeeper --connection PSOXY_JIRA_CLOUD_
  tokenkeeper run --store ssm --key-id alias/tokens --connection A_ --connection B_ --listen :9464
  tokenkeeper run --store ssm --connections-path /ops/connections --parameter-path /tokenkeeper/`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, err := flags.policy(policies)
			if err != nil {
				return err
			}
			if err := flags.list.check(stores.name, flags.ledgerPath, cmd.Flags().Changed("connection")); err != nil {
				return err
			}
			var conns []family.Connection
			if !flags.list.given() {
				if conns, err = flags.named(policy); err != nil {
					return err
				}
			}
			api, err := hosts.client()
			if err != nil {
				return err
			}
			st, err := stores.open(cmd.Context())
			if err != nil {
				return err
			}
			log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("version", config.Version())
			k := newKeeper(st, api)
			keep := fleet.Fleet{Keeper: fleet.Guarded{Keeper: k}, Introduce: k.Introduce, Connections: conns, Parallel: parallel}
			if flags.list.given() {
				keep.List = flags.list.open(stores.aws, flags.ledgerPath, policy)
			}
			if flags.list.given() || len(conns) > parallel {
				keep.Survey = st // the most urgent come first
			}
			return flags.run(cmd.Context(), log, keep)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&flags.connections, "connection", []string{"PSOXY_JIRA_CLOUD_"}, "a connection: the prefix of its parameters' names; may be repeated")
	flags.list.register(cmd)
	f.StringVar(&flags.ledgerPath, "ledger-path", os.Getenv("LEDGER_PATH"), "the path below which the ledgers are; without it each is beside its connection")
	f.DurationVar(&flags.every, "every", 2*time.Minute, "the time from tick to tick, 30s to 5m")
	f.DurationVar(&flags.refreshBefore, "refresh-before", family.DefaultPolicy().RefreshBefore, "rotate when the access token has less than this left, 10m to 55m")
	f.StringVar(&flags.listen, "listen", "127.0.0.1:9464", `the address of /metrics and /healthz; "" for none`)
	stores.register(cmd)
	hosts.register(cmd)
	policies.register(cmd)
	return cmd
}

// policy is that of all connections.
func (f *runFlags) policy(policies policyFlags) (family.Policy, error) {
	policy, err := policies.policy()
	if err != nil {
		return policy, err
	}
	if f.every < 30*time.Second || f.every > family.TickInterval {
		return policy, errUsage{fmt.Errorf("--every is %s: expected 30s to %s, since two ticks must fit into the ten minutes in which a lost answer can be asked for again", f.every, family.TickInterval)}
	}
	if f.refreshBefore < 10*time.Minute || f.refreshBefore > fleet.MaxRefreshBefore {
		return policy, errUsage{fmt.Errorf("--refresh-before is %s: expected 10m to %s", f.refreshBefore, fleet.MaxRefreshBefore)}
	}
	policy.RefreshBefore = f.refreshBefore
	return policy, nil
}

// named are the connections that --connection names.
func (f *runFlags) named(policy family.Policy) (conns []family.Connection, err error) {
	for _, name := range f.connections {
		one := connectionFlag{name: name, ledgerPath: f.ledgerPath}
		if err := one.check(); err != nil {
			return nil, err
		}
		conn := one.connection()
		conn.Policy = policy
		if slices.ContainsFunc(conns, func(c family.Connection) bool { return c.Name == name }) {
			return nil, errUsage{fmt.Errorf("--connection names %q twice", name)}
		}
		conns = append(conns, conn)
	}
	if len(conns) == 0 {
		return nil, errUsage{errors.New("--connection names none: expected a prefix of parameter names such as PSOXY_JIRA_CLOUD_")}
	}
	return conns, nil
}

// run makes ticks until ctx is cancelled, and returns when the last one has ended.
// An endpoint that cannot be served ends it in the same way, with an error.
func (f *runFlags) run(ctx context.Context, log *slog.Logger, keep fleet.Fleet) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var names []string
	for _, conn := range keep.Connections {
		names = append(names, conn.Name)
	}
	shown := exporter.New(config.Version(), time.Now(), names...)
	alive := newPulse(time.Now, f.every)
	unserved := make(chan error, 1)
	if f.listen != "" {
		stop, err := serve(ctx, f.listen, log, shown.Handler(), alive, func(err error) {
			unserved <- err
			cancel()
		})
		if err != nil {
			return err
		}
		defer stop()
	}
	defer context.AfterFunc(ctx, func() { log.Info("stopping: a rotation that is under way is saved first") })()
	log.Info("started", "connections", names, "list", f.list.path, "every", f.every.String())
	fleet.Loop(ctx, f.every, func(ctx context.Context) {
		began := time.Now()
		report, err := keep.Tick(ctx, log)
		ended := time.Now()
		alive.ticked(ended)
		shown.Observe(began, ended, report.Connections)
		switch {
		case err == nil || ctx.Err() != nil:
		case fleet.Retryable(err):
			log.Error("the tick failed, and the next one tries again", "error", err)
		default:
			log.Warn("a person is needed", "error", err)
		}
	})
	select {
	case err := <-unserved:
		return err
	default:
		log.Info("stopped")
		return nil
	}
}

// serve serves the endpoints until stop is called. If that fails later on, it
// calls failed with the reason.
func serve(ctx context.Context, address string, log *slog.Logger, metrics, health http.Handler, failed func(error)) (stop func(), err error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.Handle("GET /healthz", health)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 20 * time.Second,
		IdleTimeout: time.Minute, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed(fmt.Errorf("the endpoints could not be served any more: %w", err))
		}
	}()
	log.Info("serving /metrics and /healthz", "address", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
