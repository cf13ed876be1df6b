package authorize_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize"
	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const connection = "A_"

// world is a flow on the real service, a store in memory and an emulator; the
// person answers through a pipe.
type world struct {
	*authorize.Flow
	em    *atlassiantest.Emulator
	fix   atlassiantest.Fixture
	store store.Store
	// answers is where the person writes lines to.
	answers *io.PipeWriter
	// told is what was shown.
	told *shown
}

// shown is a writer that may be read meanwhile.
type shown struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shown) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func newWorld(t *testing.T, redirectURIs ...string) *world {
	em := atlassiantest.New(atlassiantest.Config{CheapTokens: true})
	fix, err := em.AddFixture(redirectURIs...)
	require.NoError(t, err)
	server := atlassiantest.NewServer(em)
	t.Cleanup(server.Close)
	st := memstore.New(time.Now)
	api := &atlassian.Client{AuthURL: server.URL, APIURL: server.URL}
	r, w := io.Pipe()
	world := &world{em: em, fix: fix, store: st, answers: w, told: &shown{}}
	sleep := func(context.Context, time.Duration) {}
	world.Flow = &authorize.Flow{
		Consent: consent.New(consent.Config{
			Keeper: keeper.New(keeper.Config{Store: st, Token: api, Now: time.Now, Sleep: sleep, Process: "p"}),
			Store:  st, Connections: []family.Connection{{Name: connection, Policy: family.DefaultPolicy()}},
			Atlassian: api, AuthURL: server.URL, Now: time.Now,
		}),
		Terminal: terminal.New(r, world.told), Connection: connection,
		RedirectURI: "http://localhost", PasteOnly: true, Now: time.Now,
	}
	names := family.NamesOf(connection)
	for name, value := range map[string]atlassian.Secret{names.ClientID: atlassian.NewSecret(fix.App.ClientID), names.ClientSecret: fix.App.ClientSecret} {
		_, err := st.Write(t.Context(), name, value, store.Encrypted)
		require.NoError(t, err)
	}
	return world
}

var address = regexp.MustCompile(`http\S+/authorize\?\S+`)

// consents waits for the address to open, accepts there, and returns where the
// browser ends up.
func (w *world) consents(t *testing.T) string {
	t.Helper()
	require.Eventually(t, func() bool { return address.MatchString(w.told.String()) }, 5*time.Second, time.Millisecond)
	noRedirect := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := noRedirect.PostForm(address.FindString(w.told.String()), url.Values{"action": {"accept"}})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.Header.Get("Location")
}

// runs runs the flow while the person pastes what the browser ends up at.
func (w *world) runs(t *testing.T) (consent.Completed, error) {
	t.Helper()
	answers, done := w.answers, make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.WriteString(answers, w.consents(t)+"\n")
		_ = answers.Close()
	}()
	defer func() { <-done }()
	return w.Run(t.Context())
}

func (w *world) stored(t *testing.T, name string) bool {
	t.Helper()
	entries, err := w.store.Read(t.Context(), name)
	require.NoError(t, err)
	return len(entries) > 0
}

func TestAConsentByPipe(t *testing.T) {
	w := newWorld(t)
	done, err := w.runs(t)
	require.NoError(t, err)
	require.Equal(t, w.fix.Site.CloudID, done.CloudID)
	require.True(t, w.stored(t, family.NamesOf(connection).RefreshToken))
	require.NotContains(t, w.told.String(), w.fix.App.ClientSecret.Reveal())
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	w := newWorld(t)
	_, err := w.em.RotateClientSecret(w.fix.App.ClientID)
	require.NoError(t, err)
	_, err = w.runs(t)
	refusedAs(t, err, consent.AppRefused)
	require.ErrorContains(t, err, "--new-app")

	w = newWorld(t)
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503}))
	_, err = w.runs(t)
	refusedAs(t, err, consent.AtlassianUnavailable)
	require.NotContains(t, err.Error(), "--")

	w = newWorld(t)
	w.Site = "elsewhere"
	_, err = w.runs(t)
	refusedAs(t, err, consent.SiteUnknown)
	require.ErrorContains(t, err, "--site")
}

func refusedAs(t *testing.T, err error, kind consent.ErrorType) {
	t.Helper()
	var refused *consent.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, kind, refused.Type)
}

func TestNobodyConsentsInTime(t *testing.T) {
	w := newWorld(t)
	w.Now = func() time.Time { return time.Now().Add(consent.StateLifetime - 50*time.Millisecond) }
	_, err := w.Run(t.Context())
	require.ErrorContains(t, err, "nobody consented in time")
}

// If the input ends, only the listener is left. Without a listener everything ends.
func TestInputThatEnds(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.answers.Close())
	_, err := w.Run(t.Context())
	require.ErrorIs(t, err, terminal.ErrEnded)

	w = newWorld(t)
	app, err := w.em.AddApp(atlassiantest.App{RedirectURIs: []string{"http://localhost:1/cb"}, Scopes: atlassiantest.ConnectorScopes(), Owner: w.fix.Account.ID})
	require.NoError(t, err)
	require.NotEmpty(t, app.ClientID)
	_, _ = w.store.Write(t.Context(), family.NamesOf(connection).ClientID, atlassian.NewSecret(app.ClientID), store.Encrypted)
	_, _ = w.store.Write(t.Context(), family.NamesOf(connection).ClientSecret, app.ClientSecret, store.Encrypted)
	w.RedirectURI, w.PasteOnly, w.Listen = "http://localhost:1/cb", false, "127.0.0.1:0"
	require.NoError(t, w.answers.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = w.Run(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded, "it goes on waiting for the browser")
}

func TestABrowserThatOpensIsMentioned(t *testing.T) {
	w := newWorld(t)
	opened := ""
	w.OpenBrowser = func(_ context.Context, target string) error { opened = target; return nil }
	_, err := w.runs(t)
	require.NoError(t, err)
	require.Contains(t, w.told.String(), "Your browser opens Atlassian's page")
	require.True(t, strings.Contains(w.told.String(), opened) && opened != "")

	w = newWorld(t)
	w.OpenBrowser = func(context.Context, string) error { return errors.New("none") }
	_, err = w.runs(t)
	require.NoError(t, err)
	require.Contains(t, w.told.String(), "Open this address in a browser")
}

func TestAListenerThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.PasteOnly, w.Listen = false, "127.0.0.1:99999"
	_, err := w.Run(t.Context())
	require.ErrorContains(t, err, "--listen")
}

// An address that is pasted in parts is put together, also after wrong answers. No
// part of it is shown.
func TestAnAddressInParts(t *testing.T) {
	w := newWorld(t)
	go func() {
		address := w.consents(t)
		half := len(address) / 2
		for _, line := range []string{"what?", "", "http://localhost/?state=x&code=y", address[:half], address[half : half+40], "  " + address[half+40:]} {
			_, _ = io.WriteString(w.answers, line+"\n")
		}
		_ = w.answers.Close()
	}()
	_, err := w.Run(t.Context())
	require.NoError(t, err)
	require.Contains(t, w.told.String(), "paste the rest of it now")
	require.NotContains(t, strings.Join(address.Split(w.told.String(), -1), ""), "code=eyJ")
}

// An empty answer to a question that needs one is no answer.
func TestAnEmptyClientIDIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.NewApp = true
	go func() {
		_, _ = io.WriteString(w.answers, "\n\n"+w.fix.App.ClientID+"\n\n"+w.fix.App.ClientSecret.Reveal()+"\n")
		_, _ = io.WriteString(w.answers, w.consents(t)+"\n")
		_ = w.answers.Close()
	}()
	_, err := w.Run(t.Context())
	require.NoError(t, err)
}

// The redirect URI of the last consent serves the next one, and a consent under
// way is mentioned.
func TestTheLastConsentIsRemembered(t *testing.T) {
	w := newWorld(t, "http://localhost:9123/cb")
	w.RedirectURI = "http://localhost:9123/cb"
	_, err := w.runs(t)
	require.NoError(t, err)
	r, answers := io.Pipe()
	w.Terminal, w.answers, w.RedirectURI = terminal.New(r, w.told), answers, ""
	begun, err := w.Consent.Begin(t.Context(), consent.BeginRequest{Connection: connection})
	require.NoError(t, err)
	*w.told = shown{}
	_, err = w.runs(t)
	require.NoError(t, err)
	require.Contains(t, w.told.String(), "under way until "+begun.ExpiresAt.Local().Format("15:04"))
	require.Contains(t, w.told.String(), "nothing answers at http://localhost:9123/cb")
}

// A port that another program has, for either address of localhost, is said, and
// pasting goes on.
func TestATakenPortIsSaid(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			other, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
			require.NoError(t, err)
			t.Cleanup(func() { _ = other.Close() })
			uri := fmt.Sprintf("http://localhost:%d/cb", other.Addr().(*net.TCPAddr).Port)
			w := newWorld(t, uri)
			w.RedirectURI, w.PasteOnly = uri, false
			_, err = w.runs(t)
			require.NoError(t, err)
			require.Contains(t, w.told.String(), "is taken")
		})
	}
}

// With several sites the one in use is not taken silently.
func TestSeveralSitesAreAskedAbout(t *testing.T) {
	w := newWorld(t)
	_, err := w.runs(t)
	require.NoError(t, err)
	other, err := w.em.AddSite(atlassiantest.Site{Name: "Acme Inc.", URL: "https://acme.atlassian.net"}, w.fix.Account.ID)
	require.NoError(t, err)
	_, err = w.em.Authorize(atlassiantest.ConsentRequest{CloudID: other.CloudID})
	require.NoError(t, err)
	again := func() (consent.Completed, error) {
		r, answers := io.Pipe()
		w.Terminal, w.answers = terminal.New(r, w.told), answers
		*w.told = shown{}
		return w.runs(t)
	}
	_, err = again()
	refusedAs(t, err, consent.SiteNeeded)
	require.ErrorContains(t, err, "--site")
	w.Site, w.Confirm = "acme", true
	done, err := again()
	require.NoError(t, err)
	require.Equal(t, other.CloudID, done.CloudID)
}
