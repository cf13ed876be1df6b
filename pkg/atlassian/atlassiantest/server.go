package atlassiantest

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// shutdownGrace is how long Serve waits for requests under way when it stops.
const shutdownGrace = 2 * time.Second

// Handler returns the emulator's HTTP side: auth.atlassian.com and
// api.atlassian.com in one, and the control API under /_emulator/. Whoever
// reaches the control API can do anything to the emulator, so bind it to
// loopback. Faults that break a connection panic with http.ErrAbortHandler,
// which net/http's server understands.
func (e *Emulator) Handler() http.Handler {
	return newHandler(e, nil)
}

// newHandler is Handler with delays that end early when done is closed.
func newHandler(e *Emulator, done <-chan struct{}) http.Handler {
	h := &front{e: e, done: done}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", h.authorizePage)
	mux.HandleFunc("POST /authorize", h.authorizeAnswer)
	mux.HandleFunc("POST /oauth/token", h.token)
	mux.HandleFunc("GET /oauth/token/accessible-resources", h.faulty(EndpointResources, h.resources))
	mux.HandleFunc("GET /me", h.faulty(EndpointAPI, h.me))
	mux.HandleFunc("GET /ex/jira/{cloudID}/rest/api/3/{path...}", h.faulty(EndpointAPI, h.jira))
	routeControl(mux, e)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Atlassian's clock is the emulator's: a client that compares Date with
		// its own must see the emulated time.
		w.Header().Set("Date", e.Now().UTC().Format(http.TimeFormat))
		mux.ServeHTTP(w, r)
	})
}

// front answers HTTP requests.
type front struct {
	e    *Emulator
	done <-chan struct{}
}

// Serve answers requests on l until ctx ends, then waits up to 2 s for those
// under way. It closes l. The error is nil when ctx ended it.
func (e *Emulator) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           newHandler(e, ctx.Done()),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // could quote requests
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Server is an emulator that listens on a loopback port.
type Server struct {
	// URL stands for both https://auth.atlassian.com and
	// https://api.atlassian.com; it has no trailing slash.
	URL      string
	Emulator *Emulator
	stop     context.CancelFunc
	stopped  chan struct{}
}

// NewServer starts a server for e on a free loopback port. Close it when done.
// It panics when no port can be had, like httptest.NewServer.
func NewServer(e *Emulator) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("atlassiantest.NewServer: " + err.Error())
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{URL: "http://" + l.Addr().String(), Emulator: e, stop: stop, stopped: make(chan struct{})}
	go func() {
		defer close(s.stopped)
		_ = e.Serve(ctx, l)
	}()
	return s
}

// Close stops the server and waits until it has. It may be called twice.
func (s *Server) Close() {
	s.stop()
	<-s.stopped
}
