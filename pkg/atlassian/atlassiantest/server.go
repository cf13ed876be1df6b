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

// shutdownGrace is how long Serve waits for running requests when it stops.
const shutdownGrace = 2 * time.Second

// Handler serves auth.atlassian.com and api.atlassian.com in one, and the control
// API under /_emulator/. Anybody who can reach the control API can change
// everything, so bind the server to loopback. A fault that breaks a connection
// panics with http.ErrAbortHandler, which net/http's server expects.
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
	mux.HandleFunc("GET /oauth/token/accessible-resources", h.withFaults(EndpointResources, h.resources))
	mux.HandleFunc("GET /me", h.withFaults(EndpointAPI, h.me))
	mux.HandleFunc("GET /ex/jira/{cloudID}/rest/api/3/{path...}", h.withFaults(EndpointAPI, h.jira))
	routeControl(mux, e)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A client may compare Date with its own clock, which is the emulated one
		// too.
		w.Header().Set("Date", e.Now().UTC().Format(http.TimeFormat))
		mux.ServeHTTP(w, r)
	})
}

// front answers HTTP requests.
type front struct {
	e    *Emulator
	done <-chan struct{}
}

// Serve answers requests on l until ctx ends, then waits up to 2 s for running
// requests. It closes l. The error is nil if ctx ended it.
func (e *Emulator) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           newHandler(e, ctx.Done()),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // messages could quote requests
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
	// URL replaces both https://auth.atlassian.com and
	// https://api.atlassian.com. It has no trailing slash.
	URL      string
	Emulator *Emulator
	stop     context.CancelFunc
	stopped  chan struct{}
}

// NewServer starts a server for e on a free loopback port. Close it when done.
// Like httptest.NewServer, it panics if it cannot listen.
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

// Close stops the server and waits for its end. It may be called twice.
func (s *Server) Close() {
	s.stop()
	<-s.stopped
}
