package loopback

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// maxQuery is the longest query that is taken for an answer, in bytes.
const maxQuery = 8 << 10

// closeTimeout is how long Close waits for a page that is being sent.
const closeTimeout = 2 * time.Second

// Callback receives the browser at the redirect URI.
type Callback struct {
	redirect url.URL
	state    atlassian.Secret
	answers  chan atlassian.Secret
	server   *http.Server
}

// Address returns where to listen for a redirect URI, as host:port; ok is false
// where nothing on this machine can receive it.
func Address(redirectURI string) (address string, ok bool) {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Scheme != "http" || !Is(u.Hostname()) {
		return "", false
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	host := u.Hostname()
	if strings.EqualFold(host, "localhost") {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), true
}

// CheckAddress refuses an address to listen on that others could reach.
func CheckAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("%q is no address to listen on: expected ADDRESS:PORT such as 127.0.0.1:8484", address)
	case !Is(host):
		return fmt.Errorf("%q is not a loopback address, and others could reach it: use 127.0.0.1", address)
	}
	return nil
}

// Is reports whether a host, a name or an address, is this machine alone.
func Is(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Listen receives the answer to the consent with the given state at redirectURI.
// It listens on address, and where that is 127.0.0.1 on the same port of ::1 as
// well, if there is one: browsers take localhost for either. The error is
// syscall.EADDRINUSE where another program listens at one of them already, and
// would get the answer.
func Listen(ctx context.Context, address, redirectURI string, state atlassian.Secret) (*Callback, error) {
	if err := CheckAddress(address); err != nil {
		return nil, err
	}
	u, err := url.Parse(redirectURI)
	if err != nil || state.IsZero() {
		return nil, errors.New("the callback needs a redirect URI and a state")
	}
	first, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Callback{redirect: *u, state: state, answers: make(chan atlassian.Secret, 1)}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 32 << 10}
	if tcp, ok := first.Addr().(*net.TCPAddr); ok && tcp.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		second, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("::1", fmt.Sprint(tcp.Port)))
		switch {
		case err == nil:
			go func() { _ = c.server.Serve(second) }()
		case errors.Is(err, syscall.EADDRINUSE):
			_ = first.Close()
			return nil, err
		}
	}
	go func() { _ = c.server.Serve(first) }()
	return c, nil
}

// Answer yields the whole address that the browser came back with, once.
func (c *Callback) Answer() <-chan atlassian.Secret { return c.answers }

// Close stops listening. A page that is being sent is sent to its end.
func (c *Callback) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.server.Shutdown(ctx)
	_ = c.server.Close()
}

// ServeHTTP takes the answer, and tells the browser's user where it goes on.
func (c *Callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := c.redirect.Path
	if path == "" {
		path = "/"
	}
	query := r.URL.Query()
	switch {
	case r.URL.Path != path:
		page(w, http.StatusNotFound, "Nothing is here", "Only the answer of a consent is expected at this address.")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		page(w, http.StatusMethodNotAllowed, "Nothing is here", "Only the answer of a consent is expected at this address.")
	case len(r.URL.RawQuery) > maxQuery || !c.bears(query["state"]) || query.Get("code") == "" && query.Get("error") == "":
		page(w, http.StatusBadRequest, "This is not the answer that is waited for",
			"It belongs to another consent, or it is incomplete. If tokenkeeper runs in another terminal too, copy the whole address of this window and paste it there.")
	default:
		back := c.redirect
		back.RawQuery = r.URL.RawQuery
		select {
		case c.answers <- atlassian.NewSecret(back.String()):
		default: // a second visit of the same page
		}
		page(w, http.StatusOK, "Go back to your terminal", "tokenkeeper has received the answer, and shows there how it ended. You can close this window.")
	}
}

// bears reports whether the one state given is the right one.
func (c *Callback) bears(states []string) bool {
	return len(states) == 1 && subtle.ConstantTimeCompare([]byte(states[0]), []byte(c.state.Reveal())) == 1
}

// forget removes the code from the address bar and from the window's history.
const forget = `history.replaceState(null,"","/")`

var forgetHash = func() string {
	sum := sha256.Sum256([]byte(forget))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// page shows fixed texts: nothing of a request is in it. The address of an answer
// that was received is removed; any other may be of use in another terminal.
func page(w http.ResponseWriter, status int, title, text string) {
	script := ""
	if status == http.StatusOK {
		script = "<script>" + forget + "</script>"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"+forgetHash+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>%s - tokenkeeper</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}</style>
</head><body><main><h1>%s</h1><p>%s</p></main>%s</body></html>
`, title, title, text, script)
}
