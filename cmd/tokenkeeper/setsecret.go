package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize"
	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// setSecretFlags are the flags of "tokenkeeper set-secret".
type setSecretFlags struct {
	connection connectionFlag
	stores     storeFlags
}

// newSetSecretCommand returns "tokenkeeper set-secret".
func newSetSecretCommand() *cobra.Command {
	var f setSecretFlags
	cmd := &cobra.Command{
		Use:   "set-secret",
		Short: "Store the app's new client secret; no consent is needed",
		Long: `Asks for the client secret and stores it, after it was changed in the Atlassian
developer console. The token family is kept: the next tick uses the new secret. The
client id is asked for too where none is stored.

What is asked for is read from the terminal, or line by line from a pipe. The secret
is never an argument, and never shown.`,
		Example: `  tokenkeeper set-secret --connection PSOXY_JIRA_CLOUD_`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.connection.register(cmd)
	f.stores.register(cmd)
	return cmd
}

func (f *setSecretFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	st, seen, conn, err := existing(ctx, f.connection, &f.stores, policyFlags{lifetimeDays: defaultLifetimeDays})
	if err != nil {
		return err
	}
	t := terminal.New(cmd.InOrStdin(), cmd.ErrOrStderr())
	t.Say("The client secret of %s, in %s", conn.Name, f.stores.identify(ctx))
	n := conn.Names()
	id := seen.App().ClientID
	if id == "" {
		if id, err = authorize.ClientID(ctx, t); err != nil {
			return err
		}
	}
	newID := id != seen.ClientID.Value.Reveal() // a consent's app may not be published yet
	secret, err := askForSecret(ctx, t, id)
	if err != nil {
		return err
	}
	if secret == seen.ClientSecret.Value && !newID {
		return fmt.Errorf("this is the secret that is stored already, since %s: nothing was changed", minute(seen.ClientSecret.Modified))
	}
	if newID {
		if _, err := st.Write(ctx, n.ClientID, atlassian.NewSecret(id), store.Encrypted); err != nil {
			return fmt.Errorf("nothing was changed: %w", err)
		}
	}
	if _, err := st.Write(ctx, n.ClientSecret, secret, store.Encrypted); err != nil {
		return fmt.Errorf("the secret was not stored: %w", err)
	}
	commands := (&statusFlags{connection: f.connection, stores: f.stores, stack: defaultStack}).commands(conn.Name)
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is stored. The next tick uses it; to have one now:\n  %s\n", n.ClientSecret, commands.Tick)
	return err
}

// existing opens a connection that has parameters.
func existing(ctx context.Context, c connectionFlag, stores *storeFlags, policies policyFlags) (store.Store, health.Survey, family.Connection, error) {
	st, seen, conn, err := openConnection(ctx, c, stores, policies)
	if err != nil {
		return nil, health.Survey{}, family.Connection{}, err
	}
	if !seen.Exists {
		return nil, health.Survey{}, family.Connection{}, notFound(ctx, c, stores, st, seen)
	}
	return st, seen, conn, nil
}

// notFound is the error for a connection without parameters. It names the store,
// and connections in it with a similar name.
func notFound(ctx context.Context, c connectionFlag, stores *storeFlags, st store.Store, seen health.Survey) error {
	f := statusFlags{connection: c, stores: *stores, stack: defaultStack}
	var at place
	f.complete(ctx, st, c.connection(), &seen, &at)
	return errors.New(seen.Verdict().Line)
}

// askForSecret asks until something is given that can be the secret of the app with the given
// id; in a pipe, once.
func askForSecret(ctx context.Context, t *terminal.Terminal, id string) (atlassian.Secret, error) {
	for {
		secret, err := t.Secret(ctx, "New client secret (is not shown): ")
		if err != nil {
			return secret, fmt.Errorf("client secret: %w", err)
		}
		problem := consent.ClientSecretProblem(secret.Reveal(), id)
		if problem == "" {
			return secret, nil
		}
		if !t.Interactive() {
			return secret, fmt.Errorf("client secret: %s: expected the text that the developer console shows", problem)
		}
		t.Say("That cannot be the secret: %s. Copy it from the developer console.", problem)
	}
}
