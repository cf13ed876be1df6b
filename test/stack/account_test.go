package stack

import (
	"encoding/json"
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
	function := lambdaclient.New(aws.Config{Region: region, BaseEndpoint: &s.aws,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}, s.output("BootstrapFunctionName"))
	request := consent.BeginRequest{Connection: connection, RedirectURI: "http://localhost"}
	if first {
		request.ClientID, request.ClientSecret = s.fix.App.ClientID, s.fix.App.ClientSecret
	}
	begun, err := function.Begin(s.Context(), request)
	require.NoError(s, err)
	u, err := url.Parse(begun.AuthorizeURL)
	require.NoError(s, err)
	code, err := s.em.Consent(atlassiantest.ConsentRequest{ClientID: u.Query().Get("client_id"), RedirectURI: u.Query().Get("redirect_uri"),
		Scopes: strings.Fields(u.Query().Get("scope"))})
	require.NoError(s, err)
	done, err := function.Complete(s.Context(), consent.CompleteRequest{State: atlassian.NewSecret(u.Query().Get("state")), Code: code})
	require.NoError(s, err)
	return done
}

// tick asks for one as the documents say, and returns its report.
func (s *stage) tick() (report fleet.Report) {
	s.Helper()
	out := s.documented("docs/operations.md",
		`aws lambda invoke --function-name tokenkeeper-refresher --cli-binary-format raw-in-base64-out --payload '{"action":"tick"}' /dev/stdout`)
	require.NoError(s, json.NewDecoder(strings.NewReader(out)).Decode(&report), out)
	require.Len(s, report.Connections, 1, out)
	return report
}

// alarms are the names of the stack's.
func (s *stage) alarms() []string {
	s.Helper()
	return ask[[]string](s.operator, "cloudwatch", "describe-alarms", "--alarm-name-prefix", stackName+"-", "--query", "MetricAlarms[].AlarmName")
}

// heartbeats are how many were counted in the last hour.
func (s *stage) heartbeats() (sum float64) {
	s.Helper()
	now := time.Now()
	for _, one := range ask[[]float64](s.operator, "cloudwatch", "get-metric-statistics", "--namespace", "TokenKeeper/"+stackName, "--metric-name", "Heartbeat",
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
	return ask[[]described](s.operator, "ssm", "describe-parameters", "--parameter-filters", "Key=Name,Option=BeginsWith,Values="+connection, "--query", "Parameters")
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

// requireKept checks by the emulator's truth that the newest family lives, and that
// consumers read a living access token.
func (s *stage) requireKept() {
	s.Helper()
	families := s.em.Families()
	require.True(s, families[len(families)-1].Alive())
	token := strings.TrimSpace(s.run("aws", "ssm", "get-parameter", "--with-decryption", "--name", connection+"ACCESS_TOKEN", "--query", "Parameter.Value", "--output", "text"))
	info, known := s.em.Lookup(atlassian.NewSecret(token))
	require.True(s, known)
	require.Equal(s, families[len(families)-1].ID, info.FamilyID)
	require.Equal(s, atlassiantest.StatusLive, info.Status)
}
