package consumers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// world is a connection that is kept alive, for one run of a program.
type world struct {
	names family.Names
	form  psoxy.AccessFormat
	clock *atlassiantest.Clock
	app   atlassian.App
	token atlassian.Token
	// aws and api are the addresses that the program uses.
	aws, api *proxy.Proxy
	server   *atlassiantest.Server
	store    *ssm.Client
	moto     *moto.Server
	// connection is the prefix of the names.
	connection string

	mu      sync.Mutex
	secrets []string
}

func newWorld(t *testing.T, form psoxy.AccessFormat) *world {
	t.Helper()
	w := &world{connection: "/consumers/" + rand.Text() + "_", form: form, clock: atlassiantest.NewClock(time.Now()), moto: moto.Start(t)}
	w.names, w.store = family.NamesOf(w.connection), ssm.NewFromConfig(w.moto.AWSConfig())
	emulator := atlassiantest.New(atlassiantest.Config{Clock: w.clock})
	fixture, err := emulator.AddFixture("http://localhost")
	require.NoError(t, err)
	code, err := emulator.Consent(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.server = atlassiantest.NewServer(emulator)
	t.Cleanup(w.server.Close)
	w.app = atlassian.App{ClientID: fixture.App.ClientID, ClientSecret: fixture.App.ClientSecret}
	w.token, err = w.client().Exchange(t.Context(), w.app, code, "http://localhost")
	require.NoError(t, err)
	require.NoError(t, w.publish(t.Context()))
	require.NoError(t, w.put(t.Context(), w.names.CloudID, fixture.Site.CloudID, types.ParameterTypeString))

	w.aws, err = proxy.Start(w.moto.URL, proxy.AWS)
	require.NoError(t, err)
	t.Cleanup(w.aws.Close)
	w.api, err = proxy.Start(w.server.URL, proxy.Path)
	require.NoError(t, err)
	t.Cleanup(w.api.Close)
	return w
}

func (w *world) client() *atlassian.Client {
	return &atlassian.Client{AuthURL: w.server.URL, APIURL: w.server.URL}
}

// rotate lets the access token end at Atlassian, and does what the keeper does in time.
func (w *world) rotate(ctx context.Context) error {
	w.clock.Advance(time.Hour)
	next, err := w.client().Refresh(ctx, w.app, w.token.Refresh)
	if err != nil {
		return err
	}
	w.token = next
	return w.publish(ctx)
}

func (w *world) publish(ctx context.Context) error {
	w.mu.Lock()
	w.secrets = append(w.secrets, w.token.Access.Reveal(), w.token.Refresh.Reveal())
	w.mu.Unlock()
	value := w.form.EncodeAccessToken(w.token.Access, time.Now().Add(w.token.ExpiresIn)).Reveal()
	return w.put(ctx, w.names.AccessToken, value, types.ParameterTypeSecureString)
}

func (w *world) put(ctx context.Context, name, value string, kind types.ParameterType) error {
	_, err := w.store.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: aws.Bool(true)})
	return err
}

// env is a program's environment.
func (w *world) env() []string {
	return append(w.moto.Env(), "AWS_ENDPOINT_URL="+w.aws.URL, "AWS_DEFAULT_REGION="+moto.Region, "ATLASSIAN_API_URL="+w.api.URL, "CONNECTION="+w.connection)
}

// reads are the names of the parameters that the program read, in order. It fails
// on everything but reads, decrypted, of one parameter at a time.
func (w *world) reads() (names []string, err error) {
	for _, call := range w.aws.Calls() {
		var input struct {
			Name           string
			WithDecryption bool
		}
		if err := json.Unmarshal(call.Request, &input); err != nil || call.Operation != "GetParameter" || !input.WithDecryption {
			return nil, fmt.Errorf("the program called %s, and its policy allows GetParameter alone", call.Operation)
		}
		names = append(names, input.Name)
	}
	return names, nil
}

// requests are the paths that the program requested of Jira.
func (w *world) requests() (paths []string) {
	for _, call := range w.api.Calls() {
		if u, err := url.Parse(call.Target); err == nil {
			paths = append(paths, u.Path)
		}
	}
	return paths
}
