package main

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// scripted is a script's Atlassian.
type scripted struct {
	*atlassiantest.Emulator
	fix   atlassiantest.Fixture
	clock *atlassiantest.Clock
}

type scriptedKey struct{}

func atlassianOf(ts *testscript.TestScript) *scripted {
	s, ok := ts.Value(scriptedKey{}).(**scripted)
	if !ok || *s == nil {
		ts.Fatalf("the script has not run the command emulator")
	}
	return *s
}

// scriptEmulator: "emulator REDIRECT_URI" serves an Atlassian with one account,
// one site and one app, and sets the variables that lead to it. The client
// id and secret are in the file app, a line each.
func scriptEmulator(ts *testscript.TestScript, _ bool, args []string) {
	clock := atlassiantest.NewRunningClock()
	e := atlassiantest.New(atlassiantest.Config{Clock: clock})
	fix, err := e.AddFixture(args...)
	ts.Check(err)
	server := atlassiantest.NewServer(e)
	ts.Defer(server.Close)
	*ts.Value(scriptedKey{}).(**scripted) = &scripted{e, fix, clock}
	ts.Setenv("ATLASSIAN_AUTH_URL", server.URL)
	ts.Setenv("ATLASSIAN_API_URL", server.URL)
	ts.Setenv("CLIENT_ID", fix.App.ClientID)
	ts.Setenv("CLOUD_ID", fix.Site.CloudID)
	ts.Setenv("SITE_URL", fix.Site.URL)
	ts.Setenv("CLIENT_SECRET", fix.App.ClientSecret.Reveal())
	ts.Check(os.WriteFile(ts.MkAbs("app"), []byte(fix.App.ClientID+"\n"+fix.App.ClientSecret.Reveal()+"\n"), 0o600))
}

// scriptSeed: "seed DIR [SCOPE...]" fills in the parameters of
// PSOXY_JIRA_CLOUD_ as a person does after a consent by hand.
func scriptSeed(ts *testscript.TestScript, _ bool, args []string) {
	a := atlassianOf(ts)
	request := atlassiantest.ConsentRequest{}
	if len(args) > 1 {
		request.Scopes = args[1:]
	}
	st, err := filestore.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(fillIn(context.Background(), st, a.Emulator, a.fix, "PSOXY_JIRA_CLOUD_", request))
}

// fillIn fills in the parameters of a connection as a person does after a consent by
// hand.
func fillIn(ctx context.Context, st store.Store, e *atlassiantest.Emulator, fix atlassiantest.Fixture, connection string, request atlassiantest.ConsentRequest) error {
	tokens, err := e.Authorize(request)
	if err != nil {
		return err
	}
	n := family.NamesOf(connection)
	for name, value := range map[string]atlassian.Secret{
		n.ClientID: atlassian.NewSecret(fix.App.ClientID), n.ClientSecret: fix.App.ClientSecret, n.RefreshToken: tokens.Refresh, n.AccessToken: tokens.Access,
	} {
		if value.IsZero() {
			continue
		}
		if _, err := st.Write(ctx, name, value, store.Encrypted); err != nil {
			return err
		}
	}
	return nil
}

// scriptFreePort: "freeport NAME" puts a port that is free into a variable.
func scriptFreePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
}

// scriptSite: "site NAME" adds another site of the account; its cloud id is then
// in the variable NAME.
func scriptSite(ts *testscript.TestScript, _ bool, args []string) {
	a := atlassianOf(ts)
	site, err := a.AddSite(atlassiantest.Site{Name: args[0]}, a.fix.Account.ID)
	ts.Check(err)
	ts.Setenv(strings.ToUpper(args[0]), site.CloudID)
}

// scriptAdvance: "advance DURATION" moves Atlassian's clock.
func scriptAdvance(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	atlassianOf(ts).clock.Advance(d)
}
