package stack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/lambdaclient"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// lifetime is how long access tokens live from now on.
func (s *stage) lifetime(d time.Duration) {
	require.NoError(s, s.em.ChangePolicy(func(p *atlassiantest.Policy) { p.AccessTokenLifetime = d }))
}

// consent is a whole one, by two invocations; the first one gives the app too.
func (s *stage) consent(first bool) consent.Completed {
	s.Helper()
	function := lambdaclient.New(aws.Config{Region: s.region, BaseEndpoint: &s.aws,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}, s.output("BootstrapFunctionName"))
	request := consent.BeginRequest{Connection: s.connection, RedirectURI: "http://localhost"}
	if first {
		request.ClientID, request.ClientSecret = s.fix.App.ClientID, s.fix.App.ClientSecret
	}
	begun, err := function.Begin(s.Context(), request)
	require.NoError(s, err)
	answer, err := s.accept(begun.AuthorizeURL)
	require.NoError(s, err)
	done, err := function.Complete(s.Context(), consent.CompleteRequest{RedirectURL: atlassian.NewSecret(answer)})
	require.NoError(s, err)
	return done
}

// accept is what a person does at Atlassian. It returns the address that their
// browser is sent to.
func (s *stage) accept(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	q := u.Query()
	code, err := s.em.Consent(atlassiantest.ConsentRequest{AccountID: s.fix.Account.ID, ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"), Scopes: strings.Fields(q.Get("scope"))})
	return q.Get("redirect_uri") + "?" + url.Values{"state": {q.Get("state")}, "code": {code.Reveal()}}.Encode(), err
}

// browser serves what stands in for one: it takes an address that leads to
// Atlassian, accepts there, and goes where it is sent. It returns its own address.
func (s *stage) browser() string {
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	follow := func(address string) (location string, err error) {
		answer, err := client.Get(address)
		if err != nil {
			return "", err
		}
		return answer.Header.Get("Location"), answer.Body.Close()
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, err := follow(r.FormValue("address"))
		if err == nil {
			address, err = s.accept(address)
		}
		if err == nil {
			_, err = follow(address)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}))
	s.Cleanup(server.Close)
	return server.URL
}

// tick asks for one as the documents say, and returns its report.
func (s *stage) tick() (report fleet.Report) {
	s.Helper()
	out := s.documented("docs/operations.md",
		`aws lambda invoke --function-name tokenkeeper-refresher --cli-binary-format raw-in-base64-out --payload '{"action":"tick"}' /dev/stdout`,
		"tokenkeeper", s.stack)
	require.NoError(s, json.NewDecoder(strings.NewReader(out)).Decode(&report), out)
	require.Len(s, report.Connections, 1, out)
	require.Equal(s, s.connection, report.Connections[0].Connection)
	return report
}

// alarms are the names of the stack's.
func (s *stage) alarms() []string {
	s.Helper()
	return ask[[]string](s.operator, "cloudwatch", "describe-alarms", "--alarm-name-prefix", s.stack+"-", "--query", "MetricAlarms[].AlarmName")
}

// heartbeats are how many were counted in the last hour.
func (s *stage) heartbeats() (sum float64) {
	s.Helper()
	now := time.Now()
	for _, one := range ask[[]float64](s.operator, "cloudwatch", "get-metric-statistics", "--namespace", "TokenKeeper/"+s.stack, "--metric-name", "Heartbeat",
		"--start-time", now.Add(-time.Hour).Format(time.RFC3339), "--end-time", now.Add(time.Minute).Format(time.RFC3339),
		"--period", "3600", "--statistics", "Sum", "--query", "Datapoints[].Sum") {
		sum += one
	}
	return sum
}

// described is what Parameter Store says of a parameter without its value.
type described struct {
	Name, Type, KeyID string
	Version           int
}

func (s *stage) described() []described {
	s.Helper()
	return ask[[]described](s.operator, "ssm", "describe-parameters", "--parameter-filters", "Key=Name,Option=BeginsWith,Values="+s.connection, "--query", "Parameters")
}

// names are the connection's parameters.
func (s *stage) names() (all []string) {
	s.Helper()
	for _, p := range s.described() {
		all = append(all, p.Name)
	}
	slices.Sort(all)
	return all
}

// keys are the keys of its secrets.
func (s *stage) keys() map[string]string {
	s.Helper()
	all := map[string]string{}
	for _, p := range s.described() {
		if p.Type == "SecureString" {
			all[p.Name] = p.KeyID
		}
	}
	return all
}

// versions are the numbers of what people and consumers read, by name.
func (s *stage) versions() map[string]int {
	s.Helper()
	all := map[string]int{}
	for _, p := range s.described() {
		if p.Type == "SecureString" && !strings.HasSuffix(p.Name, "TOKEN_LEDGER") {
			all[p.Name] = p.Version
		}
	}
	return all
}

// requireKept checks by the emulator's truth that consumers read a living access
// token, and that its family lives too.
func (s *stage) requireKept() {
	s.Helper()
	token := strings.TrimSpace(s.run("aws", "ssm", "get-parameter", "--with-decryption", "--name", s.connection+"ACCESS_TOKEN", "--query", "Parameter.Value", "--output", "text"))
	info, known := s.em.Lookup(atlassian.NewSecret(token))
	require.True(s, known)
	require.Equal(s, atlassiantest.StatusLive, info.Status)
	for _, f := range s.em.Families() {
		if f.ID == info.FamilyID {
			require.True(s, f.Alive())
			require.Equal(s, s.fix.App.ClientID, f.ClientID)
		}
	}
}
