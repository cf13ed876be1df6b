package tokensource_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/pkg/tokensource"
)

// kept is a connection in Parameter Store with a token family of the emulator.
type kept struct {
	clock    *atlassiantest.Clock
	server   *atlassiantest.Server
	store    *ssm.Client
	name     string
	app      atlassian.App
	refresh  atlassian.Secret
	projects string // a path of Jira's API that answers 200
}

func keep(t *testing.T) *kept {
	t.Helper()
	k := &kept{clock: atlassiantest.NewClock(time.Now()), store: parameterStore(t), name: rand.Text() + "_"}
	emulator := atlassiantest.New(atlassiantest.Config{Clock: k.clock})
	fixture, err := emulator.AddFixture("http://localhost")
	require.NoError(t, err)
	tokens, err := emulator.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	k.server = atlassiantest.NewServer(emulator)
	t.Cleanup(k.server.Close)
	k.app = atlassian.App{ClientID: fixture.App.ClientID, ClientSecret: fixture.App.ClientSecret}
	k.refresh = tokens.Refresh
	k.projects = "/ex/jira/" + fixture.Site.CloudID + "/rest/api/3/project/search"
	put(t, k.store, k.name+"ACCESS_TOKEN", tokens.Access.Reveal())
	return k
}

// rotate does what tokenkeeper does.
func (k *kept) rotate(t *testing.T) {
	t.Helper()
	client := &atlassian.Client{AuthURL: k.server.URL, APIURL: k.server.URL}
	next, err := client.Refresh(t.Context(), k.app, k.refresh)
	require.NoError(t, err)
	k.refresh = next.Refresh
	put(t, k.store, k.name+"ACCESS_TOKEN", next.Access.Reveal())
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	response, err := client.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// After a 401 the token is read again, and the store has its successor.
func TestReadAgainAfter401(t *testing.T) {
	k := keep(t)
	client := tokensource.FromParameterStore(k.store, k.name).Client()
	status, body := get(t, client, k.server.URL+k.projects)
	require.Equal(t, http.StatusOK, status, body)

	k.clock.Advance(time.Hour)
	status, _ = get(t, client, k.server.URL+k.projects)
	require.Equal(t, http.StatusUnauthorized, status, "no newer token is stored, so the server's answer is returned")

	client = tokensource.FromParameterStore(k.store, k.name).Client()
	k.rotate(t)
	status, body = get(t, client, k.server.URL+k.projects)
	require.Equal(t, http.StatusOK, status, body)
	k.clock.Advance(time.Hour)
	k.rotate(t)
	status, body = get(t, client, k.server.URL+k.projects)
	require.Equal(t, http.StatusOK, status, body)
	require.Contains(t, body, "Token keeping")
}

// refusing answers 401 to every token but one, and records the requests.
type refusing struct {
	accepts string
	tokens  []string
	bodies  []string
}

func (r *refusing) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	token := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
	r.tokens, r.bodies = append(r.tokens, token), append(r.bodies, string(body))
	if token != r.accepts {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func TestBodies(t *testing.T) {
	for _, tt := range []struct {
		name   string
		body   io.Reader
		tokens []string
		status int
	}{
		{"one that can be read again", strings.NewReader("body"), []string{"old", "new"}, http.StatusOK},
		{"one that cannot be read again", io.MultiReader(strings.NewReader("body")), []string{"old"}, http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &memory{}
			store.set("old")
			source := tokensource.FromParameterStore(store, "C_")
			_, err := source.Token()
			require.NoError(t, err)
			store.set("new")
			server := &refusing{accepts: "new"}
			at := httptest.NewServer(server)
			defer at.Close()

			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.URL, tt.body)
			require.NoError(t, err)
			response, err := source.Client().Do(request)
			require.NoError(t, err)
			response.Body.Close()
			require.Equal(t, tt.status, response.StatusCode)
			require.Equal(t, tt.tokens, server.tokens)
			for _, body := range server.bodies {
				require.Equal(t, "body", body)
			}
			require.Empty(t, request.Header, "the caller's request is unchanged")

			next, err := source.Token()
			require.NoError(t, err)
			require.Equal(t, "new", next.AccessToken)
		})
	}
}

// With a dead grant, a hundred requests cost two reads.
func TestDeadGrantCostsTwoReads(t *testing.T) {
	store := &memory{}
	store.set("dead")
	server := httptest.NewServer(&refusing{})
	defer server.Close()
	client := tokensource.FromParameterStore(store, "C_").Client()
	for range 100 {
		status, _ := get(t, client, server.URL)
		require.Equal(t, http.StatusUnauthorized, status)
	}
	require.EqualValues(t, 2, store.reads.Load())
}

// The token is sent only to the origin of the program's request.
func TestRedirects(t *testing.T) {
	store := &memory{}
	store.set("token")
	other := &refusing{}
	elsewhere := httptest.NewServer(other)
	defer elsewhere.Close()
	own := &refusing{accepts: "token"}
	mux := http.NewServeMux()
	mux.Handle("/", own)
	mux.Handle("/here", http.RedirectHandler("/there", http.StatusFound))
	mux.Handle("/away", http.RedirectHandler(elsewhere.URL, http.StatusFound))
	origin := httptest.NewServer(mux)
	defer origin.Close()
	client := tokensource.FromParameterStore(store, "C_").Client()

	status, _ := get(t, client, origin.URL+"/here")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"token"}, own.tokens)
	_, _ = get(t, client, origin.URL+"/away")
	require.Equal(t, []string{""}, other.tokens)
}

// closing is a body that records whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestWithoutATokenNothingIsSent(t *testing.T) {
	server := &refusing{}
	at := httptest.NewServer(server)
	defer at.Close()
	body := &closing{Reader: strings.NewReader("body")}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.URL, body)
	require.NoError(t, err)
	response, err := tokensource.FromParameterStore(&memory{}, "C_").Client().Do(request)
	if err == nil {
		response.Body.Close()
	}
	require.ErrorIs(t, err, tokensource.ErrNoToken)
	require.Empty(t, server.tokens)
	require.True(t, body.closed)
}
