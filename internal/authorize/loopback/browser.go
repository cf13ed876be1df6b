package loopback

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/cli/browser"
)

// ErrNoBrowser says that there is no desktop on which a browser could open a window.
var ErrNoBrowser = errors.New("there is no desktop to open a browser on")

// OpenBrowser opens target, an address that holds a secret, in this machine's
// browser. It returns once the browser was started. The address that the browser
// is started with holds none; it is served until ctx ends or it was visited.
func OpenBrowser(ctx context.Context, target string) error {
	if !hasDesktop(runtime.GOOS, os.Getenv) {
		return ErrNoBrowser
	}
	start, err := serveStart(ctx, target)
	if err != nil {
		return err
	}
	browser.Stdout, browser.Stderr = io.Discard, io.Discard
	opened := make(chan error, 1)
	go func() { opened <- browser.OpenURL(start) }()
	select {
	case err := <-opened:
		return err
	case <-time.After(startPatience): // some launchers last as long as the browser
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// startPatience is how long a launcher is given to report that it failed.
const startPatience = 3 * time.Second

// hasDesktop reports whether a browser window can be expected to open. Without a
// display, xdg-open would start a text browser in this very terminal.
func hasDesktop(goos string, getenv func(string) string) bool {
	if goos == "darwin" || goos == "windows" {
		return getenv("SSH_CONNECTION") == ""
	}
	return getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "" || getenv("WSL_DISTRO_NAME") != ""
}

// serveStart serves an address that leads to target, once.
func serveStart(ctx context.Context, target string) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	path := "/" + rand.Text()
	var used atomic.Bool
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		if !used.CompareAndSwap(false, true) {
			page(w, http.StatusGone, "This link was used already", "If it was not you who opened it, press Ctrl-C in your terminal and begin again.")
			return
		}
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, target, http.StatusFound)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return "http://" + listener.Addr().String() + path, nil
}
