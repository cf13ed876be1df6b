package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// adoptFlags are the flags of "tokenkeeper adopt".
type adoptFlags struct {
	connection connectionFlag
	stores     storeFlags
	policies   policyFlags
	at         string
}

// newAdoptCommand returns "tokenkeeper adopt".
func newAdoptCommand() *cobra.Command {
	var f adoptFlags
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Say when the consent of tokens was given that were stored by hand",
		Long: `Takes over the token in REFRESH_TOKEN, and writes down when its consent was given. The
first tick takes over by itself what a person, or another program, has stored; but
it can only take the time when that was stored or issued for the consent's. Where
the consent was earlier, the countdown would end too late.

It corrects the date of a family that is kept already, too. It presents no token.`,
		Example: `  tokenkeeper adopt --connection PSOXY_JIRA_CLOUD_ --authorized-at 2026-03-01`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.connection.register(cmd)
	f.stores.register(cmd)
	f.policies.registerLifetime(cmd)
	cmd.Flags().StringVar(&f.at, "authorized-at", "", "when the consent was given: a date such as 2026-03-01, or a time such as 2026-03-01T09:30:00Z")
	return cmd
}

// time reads the flag; a date is its first moment, so that no day is counted twice.
func (f *adoptFlags) time(now time.Time) (time.Time, error) {
	if f.at == "" {
		return time.Time{}, errUsage{errors.New("--authorized-at is missing: expected when the consent was given, such as 2026-03-01")}
	}
	at, err := time.Parse(time.DateOnly, f.at)
	if err != nil {
		at, err = time.Parse(time.RFC3339, f.at)
	}
	switch {
	case err != nil:
		return at, errUsage{fmt.Errorf("--authorized-at is %q: expected a date such as 2026-03-01, or a time such as 2026-03-01T09:30:00Z", f.at)}
	case at.After(now):
		return at, errUsage{fmt.Errorf("--authorized-at is %q, which is in the future", f.at)}
	}
	return at.UTC(), nil
}

func (f *adoptFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	at, err := f.time(time.Now())
	if err != nil {
		return err
	}
	st, seen, conn, err := existing(ctx, f.connection, &f.stores, f.policies)
	if err != nil {
		return err
	}
	if ends := at.Add(conn.Policy.Lifetime); !seen.Now.Before(ends) {
		return errUsage{fmt.Errorf("--authorized-at is %q: a family of that age ended on %s, so a consent is needed: tokenkeeper authorize", f.at, ends.Format(time.DateOnly))}
	}
	terminal.New(cmd.InOrStdin(), cmd.ErrOrStderr()).Say("The family of %s, in %s", conn.Name, f.stores.identify(ctx))
	before := seen.Record()
	var beside []family.Connection
	if seen.State.Empty() {
		log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
		beside = f.stores.neighbours(ctx, st, f.connection.ledgerPath, log)
	}
	record, err := adopt(ctx, st, conn, at, beside)
	if err != nil {
		return err
	}
	from := ""
	if !seen.State.Empty() {
		from = ", and not at " + minute(before.AuthorizedAt)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "The family began at %s%s; it ends on %s.\n", minute(record.AuthorizedAt), from, record.ExpiresAt(conn.Policy.Lifetime).Format(time.DateOnly))
	return err
}

// adoptAttempts is how often an entry is written that another overtakes.
const adoptAttempts = 5

// adopt writes an entry that says when the family began, on top of what the ledger
// says, or as its first, unless one of the connections beside it owns the token. A pending spend is
// not disturbed.
func adopt(ctx context.Context, st store.Store, conn family.Connection, at time.Time, beside []family.Connection) (family.Record, error) {
	name := conn.Names().Ledger
	for attempt := range adoptAttempts {
		seen, err := health.Look(ctx, st, conn, time.Now())
		if err != nil {
			return family.Record{}, err
		}
		state := seen.State
		switch in := state.Intent; {
		case seen.LedgerErr != nil:
			return family.Record{}, fmt.Errorf("%s: %w", name, seen.LedgerErr)
		case in.Respected(seen.Now):
			pause(ctx, 2*time.Second) // it settles in seconds
			continue
		case state.Empty():
			state = seen.Begin
			if err := unowned(ctx, st, conn, beside, state.Refresh); err != nil {
				return family.Record{}, err
			}
		}
		if err := adoptable(seen, state, conn); err != nil {
			return family.Record{}, err
		}
		state.Record.AuthorizedAt, state.Record.AuthorizedAtSource = at, family.FromPerson
		l := ledger.Ledger{Log: ledger.Parameter{Store: st, Name: name}, Of: conn.Name}
		newest, err := st.Read(ctx, name)
		if err != nil {
			return family.Record{}, err
		}
		base, err := l.Newest(ctx, newest[name])
		if err != nil {
			return family.Record{}, err
		}
		if !base.Written.Equal(seen.Written) {
			continue // somebody has written in between
		}
		draft := ledger.NewDraft(conn.Name, base, state.Encode(), seen.Now, fmt.Sprintf("cli-%s/%d", rand.Text()[:12], attempt))
		if _, err := l.Put(ctx, draft); !errors.Is(err, ledger.ErrOvertaken) {
			return state.Record, err
		}
	}
	return family.Record{}, errors.New("other processes keep writing: try again in a minute; nothing was changed")
}

// unowned says why a ledger cannot begin with a token: another connection owns it, or that is not
// known.
func unowned(ctx context.Context, st store.Store, conn family.Connection, beside []family.Connection, token atlassian.Secret) error {
	if token.IsZero() {
		return nil
	}
	k := keeper.New(keeper.Config{Store: st, Sleep: pause})
	k.Introduce(beside)
	owner, err := k.Owner(ctx, conn, token, slog.New(slog.DiscardHandler))
	switch {
	case err != nil:
		return fmt.Errorf("%w; nothing was changed", err)
	case owner != "":
		return fmt.Errorf("%s; nothing was changed", keeper.OwnedBy(owner, conn.Name))
	}
	return nil
}

// adoptable says why a state cannot be given a date; nil if it can.
func adoptable(seen health.Survey, state family.State, conn family.Connection) error {
	inbox := conn.Names().RefreshToken
	switch {
	case state.Empty():
		return fmt.Errorf("there is nothing to adopt: %s", cmp.Or(seen.CannotBegin, inbox+" holds no token: store it there, as a SecureString"))
	case !seen.State.Empty() && family.Decide(seen.Snapshot, conn.Policy).Keep:
		return fmt.Errorf("%s holds a token that no tick has asked Atlassian about yet, and this date would be given to the family before it: make a tick first (tokenkeeper tick), then repeat this; nothing was changed", inbox)
	case state.Record.AuthorizedAtSource == family.FromConsent:
		return fmt.Errorf("this family began with a consent of tokenkeeper's own at %s, which knows the time: nothing was changed", minute(state.Record.AuthorizedAt))
	}
	return nil
}
