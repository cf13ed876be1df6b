// Package hosted tests the hosted consent as it is deployed and used: the built
// bootstrap binary behind its function URL, moto, the emulator's consent page,
// and a browser that a person's clicks drive.
package hosted

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
	"github.com/tokenkeeper/tokenkeeper/test/functionurl"
	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// stage is everything around the function. Each test has its own, but for the
// browser's process and moto's.
type stage struct {
	t        *testing.T
	front    *functionurl.Front
	function *lambdaruntime.Runtime
	em       *atlassiantest.Emulator
	fix      atlassiantest.Fixture
	conn     string
	names    family.Names
	ssm      *ssm.Client
	// env is the function's environment.
	env map[string]string
	// sites are the cloud ids of the account's sites.
	sites []string

	mu      sync.Mutex
	secrets []string
}

var stages atomic.Uint64

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "bootstrap-*")
	if err != nil {
		return "", err
	}
	return lambdaruntime.Build(context.Background(), dir, "github.com/tokenkeeper/tokenkeeper/functions/bootstrap")
})

// newStage sets a stage; several gives the account a second site.
func newStage(t *testing.T, several bool, env ...string) *stage {
	t.Helper()
	n := stages.Add(1)
	s := &stage{t: t, front: functionurl.New(), conn: fmt.Sprintf("T%d_JIRA_CLOUD_", n)}
	t.Cleanup(s.front.Close)
	s.names = family.NamesOf(s.conn)
	s.em = atlassiantest.New(atlassiantest.Config{Clock: atlassiantest.NewRunningClock(), Seed: n})
	acc, err := s.em.AddAccount(atlassiantest.Account{Name: "Ada"})
	require.NoError(t, err)
	s.fix.Account = acc
	s.fix.Site, err = s.em.AddSite(atlassiantest.Site{Name: "northwind"}, acc.ID)
	require.NoError(t, err)
	s.sites = []string{s.fix.Site.CloudID}
	if several {
		second, err := s.em.AddSite(atlassiantest.Site{Name: "<script>alert(1)</script><b>contoso", URL: "https://contoso.atlassian.net"}, acc.ID)
		require.NoError(t, err)
		s.sites = append(s.sites, second.CloudID)
	}
	s.fix.App, err = s.em.AddApp(atlassiantest.App{Name: "tokenkeeper", RedirectURIs: []string{s.front.URL + "/callback", "http://localhost"},
		Scopes: atlassiantest.ConnectorScopes(), Distributed: true})
	require.NoError(t, err)
	server := atlassiantest.NewServer(s.em)
	t.Cleanup(server.Close)
	m := moto.Start(t)
	s.ssm = ssm.NewFromConfig(m.AWSConfig())

	path, err := binary()
	require.NoError(t, err)
	variables := map[string]string{
		"AWS_ENDPOINT_URL": m.URL, "AWS_REGION": moto.Region, "AWS_ACCESS_KEY_ID": "moto", "AWS_SECRET_ACCESS_KEY": "moto",
		"AWS_EC2_METADATA_DISABLED": "true", "ATLASSIAN_AUTH_URL": server.URL, "ATLASSIAN_API_URL": server.URL,
		"CONNECTIONS": s.conn + ",OTHER_" + s.conn, "HOSTED_CONSENT": "true",
		"CONSENT_ORGANIZATION": "Northwind Traders", "CONSENT_CONTACT": "jira@northwind.example",
	}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	s.env = variables
	s.function, err = lambdaruntime.New(lambdaruntime.Config{Binary: path, Env: variables, Name: "tokenkeeper-bootstrap"})
	require.NoError(t, err)
	t.Cleanup(func() {
		s.function.Close()
		s.requireNoLeaks()
	})
	s.front.Serve(s.function)
	secret, err := s.em.ClientSecret(s.fix.App.ClientID)
	require.NoError(t, err)
	for _, c := range []string{s.conn, "OTHER_" + s.conn} {
		s.put(family.NamesOf(c).ClientID, s.fix.App.ClientID)
		s.put(family.NamesOf(c).ClientSecret, secret.Reveal())
	}
	s.secret(secret.Reveal())
	return s
}

func (s *stage) put(name, value string) {
	s.t.Helper()
	_, err := s.ssm.PutParameter(context.Background(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
	require.NoError(s.t, err)
}

func (s *stage) get(name string) string {
	s.t.Helper()
	out, err := s.ssm.GetParameter(context.Background(), &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	var missing *types.ParameterNotFound
	if errors.As(err, &missing) {
		return ""
	}
	require.NoError(s.t, err)
	return aws.ToString(out.Parameter.Value)
}

// inUse are the values that consumers and the refresher live on.
func (s *stage) inUse() map[string]string {
	s.t.Helper()
	values := map[string]string{}
	for _, name := range []string{s.names.ClientID, s.names.ClientSecret, s.names.RefreshToken, s.names.AccessToken, s.names.Family, s.names.CloudID, s.names.Lock} {
		values[name] = s.get(name)
	}
	return values
}

func (s *stage) secret(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if v != "" {
			s.secrets = append(s.secrets, v)
		}
	}
}

// invoke invokes the function as `aws lambda invoke` does.
func (s *stage) invoke(event string, answer any) *lambdaruntime.FunctionError {
	s.t.Helper()
	result, err := s.function.Invoke(context.Background(), []byte(event), 2*time.Minute)
	require.NoError(s.t, err)
	if result.Error == nil && answer != nil {
		require.NoError(s.t, json.Unmarshal(result.Payload, answer), string(result.Payload))
	}
	return result.Error
}

type begun struct {
	AuthorizeURL string    `json:"authorize_url"`
	StartURL     string    `json:"start_url"`
	ExpiresAt    time.Time `json:"expires_at"`
}

// begin begins a hosted consent, by an invocation.
func (s *stage) begin() begun {
	s.t.Helper()
	var b begun
	require.Nil(s.t, s.invoke(`{"action":"begin","connection":"`+s.conn+`","redirect_uri":"`+s.front.URL+`/callback"}`, &b))
	for _, address := range []string{b.AuthorizeURL, b.StartURL} {
		u, err := url.Parse(address)
		require.NoError(s.t, err)
		s.secret(u.Query().Get("state"), u.Query().Get("link"))
	}
	require.True(s.t, strings.HasPrefix(b.StartURL, s.front.URL+"/start?link="), b.StartURL)
	return b
}

// requireStored checks that the store holds living tokens of one family, and
// nothing else of the consent.
func (s *stage) requireStored() {
	s.t.Helper()
	fams := s.em.Families()
	newest := fams[len(fams)-1]
	for _, name := range []string{s.names.RefreshToken, s.names.AccessToken} {
		info, known := s.em.Lookup(atlassian.NewSecret(s.get(name)))
		require.True(s.t, known, name)
		require.Equal(s.t, atlassiantest.StatusLive, info.Status)
		require.Equal(s.t, newest.ID, info.FamilyID)
		s.secret(s.get(name))
	}
	record, err := family.ParseRecord(s.get(s.names.Family), s.conn)
	require.NoError(s.t, err)
	require.Equal(s.t, family.FromConsent, record.AuthorizedAtSource)
	for _, gone := range []string{s.names.ConsentState, s.names.ConsentTokens, s.names.Lock} {
		require.Empty(s.t, s.get(gone), gone)
	}
}

// requireNoLeaks searches all that the function has logged and shown for every
// secret that was in play.
func (s *stage) requireNoLeaks() {
	logs := s.function.Logs()
	for _, secret := range s.secrets {
		for form, text := range world.Forms(secret) {
			if strings.Contains(logs, text) {
				s.t.Errorf("a secret leaked into the log, as %s", form)
			}
			for _, body := range s.front.Bodies() {
				if strings.Contains(body, text) {
					s.t.Errorf("a secret leaked into a page, as %s", form)
				}
			}
		}
	}
}
