package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize"
	"github.com/tokenkeeper/tokenkeeper/internal/authorize/loopback"
	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/lambdaclient"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy/tfvars"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy/verify"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// authorizeFlags are the flags of "tokenkeeper authorize".
type authorizeFlags struct {
	connection  connectionFlag
	stores      storeFlags
	hosts       atlassianFlags
	policies    policyFlags
	function    string
	preset      string
	scopes      []string
	redirectURI string
	listen      string
	pasteOnly   bool
	noBrowser   bool
	newApp      bool
	site        string
	yesChanged  bool
	noVerify    bool
	issue       string
	tfvars      string
}

// newAuthorizeCommand returns "tokenkeeper authorize".
func newAuthorizeCommand() *cobra.Command {
	f := authorizeFlags{stores: storeFlags{create: true}}
	cmd := &cobra.Command{
		Use:   "authorize",
		Short: "Consent, at first and once a year: one command to stored tokens",
		Long: `Leads through the consent of a connection: asks for the app's client id and secret
on first use, opens Atlassian's page, takes the answer, stores the tokens, and
verifies them. The old tokens stay in use until the new ones are stored and known
to be right; Ctrl-C before that changes nothing.

The answer comes back in one of two ways, whichever is first. If the redirect URI
is on this machine (http://localhost:PORT), it is received here. Otherwise, and
in a remote shell, copy the address that the browser ends up at and paste it.

Client id, client secret and the pasted address are read from the terminal, or
line by line from a pipe. They are never arguments, and never shown.

With --function the deployed function does the work: you then need the permission
to invoke it, and none on the parameters. Where it serves pages, the redirect URI
https://…/callback gives a link to them, and the program waits for the end.`,
		Example: `  tokenkeeper authorize --connection PSOXY_JIRA_CLOUD_ --tfvars terraform.tfvars
  tokenkeeper authorize --function tokenkeeper-bootstrap --no-browser
  tokenkeeper authorize --store file:./tokens --redirect-uri http://localhost:9000/callback`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.connection.register(cmd)
	f.stores.register(cmd)
	f.hosts.register(cmd)
	f.policies.register(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.function, "function", "", "consent through this deployed bootstrap function (name or ARN) instead of a store")
	fl.StringVar(&f.preset, "scopes-preset", psoxy.DefaultPreset, "the scopes to ask for: "+strings.Join(psoxy.Presets(), " or "))
	fl.StringArrayVar(&f.scopes, "scope", nil, "a scope to ask for instead of a preset; repeated")
	fl.StringVar(&f.redirectURI, "redirect-uri", "", "exactly as it is registered for the app (default that of the last consent, or "+consent.DefaultRedirectURI+")")
	fl.StringVar(&f.listen, "listen", "", "receive the browser at this loopback ADDRESS:PORT instead of the redirect URI's")
	fl.BoolVar(&f.pasteOnly, "paste", false, "do not listen for the browser: the address is pasted")
	fl.BoolVar(&f.noBrowser, "no-browser", false, "show the address and do not open a browser")
	fl.BoolVar(&f.newApp, "new-app", false, "ask for client id and secret although they are stored")
	fl.StringVar(&f.site, "site", "", "the site to use, where the tokens reach several: acme for acme.atlassian.net, its URL, name or cloud id")
	fl.BoolVar(&f.yesChanged, "yes-changed", false, "accept another account, another site, or fewer scopes than before without asking")
	fl.BoolVar(&f.noVerify, "no-verify", false, "do not request the connector's test paths afterwards")
	fl.StringVar(&f.issue, "issue", "", "an issue such as ABC-12 for the test paths; without it one is looked for")
	registerTFVars(cmd, &f.tfvars)
	return cmd
}

// run checks the flags, leads through the consent and says how it ended.
func (f *authorizeFlags) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	if err := exclusive(cmd, [][2]string{
		{"scope", "scopes-preset"}, {"listen", "paste"},
		{"function", "store"}, {"function", "key-id"}, {"function", "access-token-format"},
		{"function", "family-lifetime-days"}, {"function", "auth-url"}, {"function", "api-url"},
	}); err != nil {
		return err
	}
	scopes, err := f.check()
	if err != nil {
		return err
	}
	api, err := f.hosts.client()
	if err != nil {
		return err
	}
	service, st, seen, err := f.service(ctx, api)
	if err != nil {
		return err
	}
	flow := authorize.Flow{
		Consent: service, Terminal: terminal.New(cmd.InOrStdin(), cmd.ErrOrStderr()), Connection: f.connection.name,
		Scopes: scopes, RedirectURI: f.redirectURI, Listen: f.listen, PasteOnly: f.pasteOnly,
		NewApp: f.newApp, Site: f.site, Confirm: f.yesChanged, Now: time.Now,
	}
	if !f.noBrowser {
		flow.OpenBrowser = loopback.OpenBrowser
	}
	f.announce(ctx, flow.Terminal, seen)
	done, err := flow.Run(ctx)
	if err != nil {
		return err
	}
	return f.finish(cmd, done, st, api)
}

// check checks the flags that no other part does, and returns the scopes.
func (f *authorizeFlags) check() ([]string, error) {
	if err := f.connection.check(); err != nil {
		return nil, err
	}
	if f.listen != "" {
		if err := loopback.CheckAddress(f.listen); err != nil {
			return nil, errUsage{fmt.Errorf("--listen: %w", err)}
		}
	}
	if err := verify.CheckIssue(f.issue); err != nil {
		return nil, errUsage{fmt.Errorf("--issue: %w", err)}
	}
	if f.redirectURI != "" {
		if err := atlassian.CheckRedirectURI(f.redirectURI); err != nil {
			return nil, errUsage{fmt.Errorf("--redirect-uri: %w", err)}
		}
	}
	if err := checkTFVars(f.tfvars); err != nil {
		return nil, err
	}
	if len(f.scopes) > 0 {
		if err := atlassian.CheckScopes(f.scopes); err != nil {
			return nil, errUsage{fmt.Errorf("--scope: %w", err)}
		}
		return f.scopes, nil
	}
	scopes, err := psoxy.Preset(f.preset)
	if err != nil {
		return nil, errUsage{fmt.Errorf("--scopes-preset: %w", err)}
	}
	return scopes, nil
}

// service returns what carries the consent out, its store, and what was read
// there. The last two are empty if only the function has access.
func (f *authorizeFlags) service(ctx context.Context, api *atlassian.Client) (authorize.Consent, store.Store, health.Survey, error) {
	if f.function != "" {
		cfg, err := awsConfig(ctx)
		if err != nil {
			return nil, nil, health.Survey{}, err
		}
		f.stores.aws = cfg
		return lambdaclient.New(cfg, f.function), nil, health.Survey{Exists: true}, nil
	}
	st, seen, conn, err := openConnection(ctx, f.connection, &f.stores, f.policies)
	if err != nil {
		return nil, nil, seen, err
	}
	return consent.New(consent.Config{
		Keeper: newKeeper(st, api), Store: st, Connections: []family.Connection{conn},
		Atlassian: api, AuthURL: api.AuthURL, Now: time.Now,
	}), st, seen, nil
}

// announce says where the tokens go, before anything is created there, and whether
// another connection may be meant.
func (f *authorizeFlags) announce(ctx context.Context, t *terminal.Terminal, seen health.Survey) {
	where := "in " + f.stores.identify(ctx).String()
	if f.function != "" {
		where = "by the function " + f.function + ", " + where
	}
	t.Say("The tokens are stored %s", where)
	if seen.Exists {
		return
	}
	t.Say("No parameter of %s exists there yet: this is its first consent.", f.connection.name)
	st, err := f.stores.open(ctx)
	if err != nil {
		return
	}
	if known, err := f.stores.connections(ctx, st); err == nil && len(known) > 0 {
		t.Say("There are parameters of %s. If that is the one you mean, press Ctrl-C and give --connection.", strings.Join(health.Similar(f.connection.name, known), " and "))
	}
}

// finish says what is stored now, verifies it and hands it over. The consent is
// complete even if this fails.
func (f *authorizeFlags) finish(cmd *cobra.Command, done consent.Completed, st store.Store, api *atlassian.Client) error {
	out := cmd.OutOrStdout()
	if err := printCompleted(out, done, time.Now()); err != nil {
		return err
	}
	issue := f.issue
	var failed error
	switch {
	case f.noVerify:
	case st == nil:
		fmt.Fprintf(out, "\nThe test paths were not requested: the access token is with the function. A person who may read it can run:\n  tokenkeeper verify --connection %s\n", done.Connection)
	default:
		fmt.Fprintln(cmd.ErrOrStderr(), "\nRequesting the connector's test paths …")
		issue, failed = f.verify(cmd, done, st, api)
	}
	if f.tfvars != "" {
		failed = errors.Join(failed, handOver(cmd, f.tfvars, done.CloudID, issue))
	} else {
		values := tfvars.Values{CloudID: done.CloudID, ExampleIssue: issue}
		fmt.Fprintf(out, "\nFor the terraform.tfvars of psoxy (--tfvars FILE writes it):\n\n%s", values.Lines())
	}
	fmt.Fprintf(out, "\n%s\n", f.next(done.Connection))
	return failed
}

// next says what keeps the tokens alive from now on.
func (f *authorizeFlags) next(connection string) string {
	if _, ok := f.stores.directory(); ok && f.function == "" {
		return fmt.Sprintf("Next: let this run, as a service (docs/run.md):\n  tokenkeeper run --store %s --connection %s", f.stores.name, connection)
	}
	if _, ok := f.stores.google(); ok && f.function == "" {
		return "Next: nothing, if the service of deploy/gcp runs with " + connection + " among its connections: its next tick takes over."
	}
	return "Next: nothing, if the stack is deployed with " + connection + " among its Connections: its next tick takes over."
}

// verify requests the test paths, and returns an issue that the token opens. Its
// error says, too, that the consent is complete.
func (f *authorizeFlags) verify(cmd *cobra.Command, done consent.Completed, st store.Store, api *atlassian.Client) (issue string, err error) {
	seen, err := health.Look(cmd.Context(), st, f.connection.connection(), time.Now())
	var report verify.Report
	if err == nil {
		report, err = verifyStored(cmd.Context(), seen, api, verify.Request{CloudID: done.CloudID, Issue: f.issue})
	}
	if err != nil { // not wrapped: an interruption does not undo the consent
		return "", fmt.Errorf("the consent is complete and stored, but was not verified: %v; run tokenkeeper verify", err)
	}
	fmt.Fprintln(cmd.OutOrStdout())
	err = printReport(cmd.OutOrStdout(), report)
	if err == nil && report.Failures() > 0 {
		err = errors.New("the consent is complete and stored, but not every test path works: see above")
	}
	return report.ExampleIssue(), err
}

// printCompleted prints the summary of a consent.
func printCompleted(out io.Writer, done consent.Completed, now time.Time) error {
	site := done.CloudID
	for _, s := range done.Sites {
		if s.ID == done.CloudID {
			site = terminal.Printable(s.URL) + " (" + s.ID + ")"
		}
	}
	fmt.Fprintf(out, "\nThe consent is complete; its tokens are stored and in use.\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  connection\t%s\n", done.Connection)
	fmt.Fprintf(w, "  site\t%s\n", site)
	fmt.Fprintf(w, "  scopes\t%s\n", strings.Join(done.Scopes, " "))
	fmt.Fprintf(w, "  authorized at\t%s\n", minute(done.AuthorizedAt))
	fmt.Fprintf(w, "  expires on\t%s, in %.0f days: consent again before then\n", done.FamilyExpiresAt.UTC().Format(time.DateOnly), health.Days(done.FamilyExpiresAt.Sub(now)))
	return w.Flush()
}
