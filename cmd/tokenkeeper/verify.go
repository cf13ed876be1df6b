package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy/verify"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// verifyTimeout bounds one request.
const verifyTimeout = 20 * time.Second

// verifyCommand holds the flags of "tokenkeeper verify".
type verifyCommand struct {
	connection connectionFlag
	stores     storeFlags
	hosts      atlassianFlags
	request    verify.Request // its site and issue
	asJSON     bool
	tfvarsPath string
}

// newVerifyCommand returns "tokenkeeper verify".
func newVerifyCommand() *cobra.Command {
	var c verifyCommand
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Request the connector's test paths with the stored access token",
		Long: `Requests the paths that psoxy's Jira Cloud connector uses, with the stored access
token, and explains each failure: which scope is missing, or which permission the
account lacks. It only reads, and exits with 1 if a path failed.`,
		Example: `  tokenkeeper verify --connection PSOXY_JIRA_CLOUD_ --issue ABC-12`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.check(); err != nil {
				return err
			}
			report, err := c.verify(cmd.Context())
			if err != nil {
				return err
			}
			return c.show(cmd, report)
		},
	}
	c.connection.register(cmd)
	c.stores.register(cmd)
	c.hosts.register(cmd)
	cmd.Flags().StringVar(&c.request.CloudID, "cloud-id", "", "the site's cloud id, instead of the stored CLOUD_ID")
	cmd.Flags().StringVar(&c.request.Issue, "issue", "", "an issue such as ABC-12 for the paths that need one; without it one is looked for")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print the report as JSON")
	registerTFVars(cmd, &c.tfvarsPath)
	return cmd
}

// check refuses wrong flags before anything is read.
func (c *verifyCommand) check() error {
	if err := c.connection.check(); err != nil {
		return err
	}
	if err := verify.CheckCloudID(c.request.CloudID); err != nil {
		return errUsage{fmt.Errorf("--cloud-id: %w", err)}
	}
	if err := verify.CheckIssue(c.request.Issue); err != nil {
		return errUsage{fmt.Errorf("--issue: %w", err)}
	}
	return checkTFVars(c.tfvarsPath)
}

// verify looks into the store and requests the paths.
func (c *verifyCommand) verify(ctx context.Context) (verify.Report, error) {
	api, err := c.hosts.client()
	if err != nil {
		return verify.Report{}, err
	}
	st, err := c.stores.open(ctx)
	if err != nil {
		return verify.Report{}, err
	}
	seen, _, err := c.stores.look(ctx, st, c.connection.connection())
	if err == nil && !seen.Exists {
		err = notFound(ctx, c.connection, &c.stores, st, seen)
	}
	if err != nil {
		return verify.Report{}, err
	}
	return verifyStored(ctx, seen, api, c.request)
}

// show prints the report and writes the variables file. It returns errReported if
// a path failed.
func (c *verifyCommand) show(cmd *cobra.Command, report verify.Report) error {
	write := printReport
	if c.asJSON {
		write = func(out io.Writer, r verify.Report) error { return printJSON(out, r) }
	}
	if err := write(cmd.OutOrStdout(), report); err != nil {
		return err
	}
	if c.tfvarsPath != "" && report.SiteURL != "" {
		if err := handOver(cmd, c.tfvarsPath, report.CloudID, report.ExampleIssue()); err != nil {
			return err
		}
	}
	if report.Failures() > 0 {
		return errReported
	}
	return nil
}

// verifyStored verifies the access token that was seen in the store; what r leaves
// open is taken from there.
func verifyStored(ctx context.Context, seen health.Survey, api *atlassian.Client, r verify.Request) (verify.Report, error) {
	r.Access, r.Expires = seen.AccessToken.Value, accessExpiry(seen)
	n := family.NamesOf(seen.Connection)
	if r.CloudID == "" {
		r.CloudID = seen.CloudID.Value.Reveal()
		if err := verify.CheckCloudID(r.CloudID); err != nil {
			return verify.Report{}, fmt.Errorf("%s: %w: correct it, or give --cloud-id", n.CloudID, err)
		}
	}
	if err := r.Check(); err != nil {
		return verify.Report{}, fmt.Errorf("%s: %w", n.AccessToken, err)
	}
	report := verify.Run(ctx, api, r, time.Now(), verifyTimeout)
	return report, ctx.Err()
}

// accessExpiry is when the stored access token expires, by its own form or by the
// family's record; zero where neither says.
func accessExpiry(p health.Survey) time.Time {
	if r := p.Record(); p.AccessExpires.IsZero() && r.Access == family.FingerprintOf(p.AccessToken.Value) {
		return r.AccessExpiresAt
	}
	return p.AccessExpires
}

// printReport prints the table, and below it what the failures mean.
func printReport(out io.Writer, r verify.Report) error {
	if r.SiteURL != "" {
		fmt.Fprintf(out, "site %s, cloudId %s\n\n", terminal.Printable(r.SiteURL), r.CloudID)
	}
	short := func(path string) string { return strings.Replace(path, "/"+r.CloudID+"/", "/{cloudId}/", 1) }
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PATH\tSTATUS\tRESULT\tSCOPE")
	for _, c := range r.Checks {
		status, scope := "-", strings.Join(c.Needs, " ")
		if c.Status != 0 {
			status = strconv.Itoa(c.Status)
		}
		if len(c.Missing) > 0 {
			scope = "missing: " + strings.Join(c.Missing, " ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", short(c.Path), status, c.Result, scope)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	notRun := map[string][]string{} // by the reason, which is often the same
	for _, c := range r.Checks {
		switch c.Result {
		case verify.Failed:
			fmt.Fprintf(out, "\n%s: %s\n  %s.\n  See %s\n", c.Result, short(c.Path), terminal.Printable(c.Meaning), c.Reference)
		case verify.NotRun:
			notRun[c.Meaning] = append(notRun[c.Meaning], short(c.Path))
		}
	}
	for _, why := range slices.Sorted(maps.Keys(notRun)) {
		fmt.Fprintf(out, "\n%s: %s\n  %s.\n", verify.NotRun, strings.Join(notRun[why], "\n         "), terminal.Printable(why))
	}
	verdict := "Every path answers as the connector needs it."
	if n := r.Failures(); n > 0 {
		verdict = fmt.Sprintf("%d of %d paths failed.", n, len(r.Checks))
	}
	_, err := fmt.Fprintf(out, "\n%s\n", verdict)
	return err
}
