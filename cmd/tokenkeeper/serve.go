package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

// newServeCommand returns "tokenkeeper serve".
func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Make a tick at each request, as a service of Google Cloud",
		Long: `Listens at PORT, by default 8080, and makes one tick for all connections at each POST:
what the Cloud Run service in deploy/gcp runs, which Cloud Scheduler calls every two
minutes. Between two ticks the process keeps what it has read, and a pair of tokens
that could not be saved. It serves plain HTTP, and asks nobody who they are: Cloud Run
does both. It has no flags; the environment configures it, as it does the function
in AWS:

  STORE                 gcp:PROJECT or gcp:PROJECT/PREFIX
  CONNECTIONS           the connections, separated by commas
  LOCATION              the region that the metrics name
  NAME                  the name that the metrics have; default tokenkeeper
  REFRESH_BEFORE, FAMILY_LIFETIME_DAYS, ACCESS_TOKEN_FORMAT, WARNING_DAYS,
  LAST_WARNING_DAYS     as in docs/configuration.md

It answers 200, or 500 if a repetition may achieve more, and 429 during another tick.
The log has the reason. Stop it by SIGTERM: a tick that has begun ends first.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := newCloudLog(cmd.ErrOrStderr())
			f, err := servedFleet(cmd.Context(), os.Getenv)
			if err != nil {
				log.Error("the service cannot start", "error", err)
				return errReported
			}
			if err := answer(cmd.Context(), &ticker{fleet: f, log: log, out: cmd.OutOrStdout()}); err != nil {
				log.Error("the service ended", "error", err)
				return errReported
			}
			return nil
		},
	}
}

// answer serves requests at PORT until ctx ends, and the tick that runs by then.
func answer(ctx context.Context, t *ticker) error {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("PORT is %q: expected a number from 1 to 65535, or 0 for any that is free", port)
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	t.log.Info("the service listens", "address", listener.Addr().String())
	server := &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	return server.Shutdown(rest)
}

// ticker makes a tick at each POST, one at a time.
type ticker struct {
	fleet *fleet.Fleet
	log   *slog.Logger
	out   io.Writer

	busy sync.Mutex
}

// ServeHTTP implements http.Handler.
func (t *ticker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "a tick is asked for by POST", http.StatusMethodNotAllowed)
		return
	}
	if !t.busy.TryLock() {
		http.Error(w, "another tick is under way", http.StatusTooManyRequests)
		return
	}
	defer t.busy.Unlock()
	// A caller that has gone stops nothing, and nor does SIGTERM.
	if err := makeTick(context.WithoutCancel(r.Context()), t.fleet, t.log, t.out); err != nil {
		http.Error(w, "the tick failed: the log has the reason", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}
