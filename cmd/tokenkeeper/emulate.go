package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/loopback"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// emulateOptions are the flags of "tokenkeeper emulate".
type emulateOptions struct {
	listen       string
	allowRemote  bool
	clock        string
	redirectURIs []string
	secretFile   string
	seed         uint64
	tokenPadding int
}

// newEmulateCommand returns "tokenkeeper emulate", which serves an Atlassian
// emulator until it is interrupted.
func newEmulateCommand() *cobra.Command {
	var o emulateOptions
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "Serve an emulator of Atlassian's OAuth 2.0 (3LO) for tests",
		Long: `Serve an emulator of auth.atlassian.com and api.atlassian.com, seeded with one
account, one site and one app. Nothing in it is real or survives a restart.

Point a program at the printed URL for both hosts. Its client secret is made up,
and never printed: --secret-file writes it to a file that only you can read, and
the control API gives it out at GET /_emulator/apps/CLIENT_ID/secret.

The control API can do anything, to anyone who reaches it. That is why the
listener must be a loopback address unless --allow-remote is given. It serves:

` + atlassiantest.ControlHelp(),
		Example: `  tokenkeeper emulate --listen 127.0.0.1:8484 --clock manual --secret-file secret
  curl -H 'Content-Type: application/json' -d '{"advance":"50m"}' http://127.0.0.1:8484/_emulator/clock`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return emulate(cmd.Context(), cmd.OutOrStdout(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:8484", "address and port to listen on; port 0 takes a free one")
	f.BoolVar(&o.allowRemote, "allow-remote", false, "allow an address that other machines can reach")
	f.StringVar(&o.clock, "clock", "real", "real: runs with this machine's time; manual: stands still between requests to the control API")
	f.StringArrayVar(&o.redirectURIs, "redirect-uri", []string{"http://localhost"}, "the app's registered redirect URI; may be repeated")
	f.StringVar(&o.secretFile, "secret-file", "", "write the app's client secret to this file, mode 0600")
	f.Uint64Var(&o.seed, "seed", 0, "determines the made-up ids and secrets")
	f.IntVar(&o.tokenPadding, "token-padding", 0, "bytes to add to every token, for tests of size limits")
	return cmd
}

// emulate serves until ctx ends. It prints where, and how to begin.
func emulate(ctx context.Context, out io.Writer, o emulateOptions) error {
	e, fix, err := seedEmulator(o)
	if err != nil {
		return err
	}
	l, err := listenLocal(ctx, o.listen, o.allowRemote)
	if err != nil {
		return err
	}
	if o.secretFile != "" {
		if err := writeSecretFile(o.secretFile, fix.App.ClientSecret); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	url := "http://" + l.Addr().String()
	_, err = fmt.Fprintf(out, `url: %s
client id: %s
account: %s
cloud id: %s
client secret: %s
control: GET %s/_emulator/ lists what can be controlled
Stop with Ctrl-C.
`, url, fix.App.ClientID, fix.Account.ID, fix.Site.CloudID, secretPlace(o.secretFile, url, fix.App.ClientID), url)
	if err != nil {
		return errors.Join(fmt.Errorf("cannot print the address: %w", err), l.Close())
	}
	return e.Serve(ctx, l)
}

// secretPlace says where to find the client secret.
func secretPlace(file, url, clientID string) string {
	if file != "" {
		return "in the file " + file
	}
	return "GET " + url + "/_emulator/apps/" + clientID + "/secret"
}

func seedEmulator(o emulateOptions) (*atlassiantest.Emulator, atlassiantest.Fixture, error) {
	var none atlassiantest.Fixture
	policy := atlassiantest.DefaultPolicy()
	policy.TokenPadding = o.tokenPadding
	if err := policy.Validate(); err != nil {
		return nil, none, errUsage{fmt.Errorf("--token-padding: %w", err)}
	}
	clock := atlassiantest.NewRunningClock()
	switch o.clock {
	case "real":
	case "manual":
		clock = atlassiantest.NewClock(clock.Now())
	default:
		return nil, none, errUsage{fmt.Errorf("--clock is %q: expected real or manual", o.clock)}
	}
	e := atlassiantest.New(atlassiantest.Config{Clock: clock, Policy: &policy, Seed: o.seed})
	fix, err := e.AddFixture(o.redirectURIs...)
	if err != nil {
		return nil, none, errUsage{fmt.Errorf("--redirect-uri: %w", err)}
	}
	return e, fix, nil
}

// listenLocal listens on address, which must be loopback unless remote is set.
func listenLocal(ctx context.Context, address string, remote bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, errUsage{fmt.Errorf("--listen is %q: expected ADDRESS:PORT such as 127.0.0.1:8484", address)}
	}
	if !loopback.Is(host) && !remote {
		return nil, errUsage{fmt.Errorf("--listen is %q, not a loopback address, and everybody who reaches the emulator controls it; use 127.0.0.1, or add --allow-remote if that is meant", address)}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w; choose another port, or 0 for a free one", err)
	}
	return l, nil
}

// writeSecretFile writes secret alone, without a newline, into a file. From its
// first moment only its owner can read the file, even if it existed before.
func writeSecretFile(path string, secret atlassian.Secret) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // created with mode 0600
	if err != nil {
		return fmt.Errorf("--secret-file %q: %w", path, err)
	}
	_, err = f.WriteString(secret.Reveal())
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("--secret-file %q: %w", path, err)
	}
	return nil
}
