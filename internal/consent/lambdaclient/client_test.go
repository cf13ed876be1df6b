package lambdaclient_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/lambdaclient"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// answer is what Lambda answers to an invocation.
type answer struct {
	status   int
	header   map[string]string
	body     string
	requests int
}

func (a *answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.requests++
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(a.body))
}

func client(t *testing.T, a *answer) *lambdaclient.Client {
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return lambdaclient.New(aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}, "bootstrap")
}

func TestAnswers(t *testing.T) {
	c := client(t, &answer{status: 200, body: `{"authorize_url":"https://auth.example/authorize?state=s","expires_at":"2026-03-01T12:10:00Z"}`})
	begun, err := c.Begin(t.Context(), consent.BeginRequest{Connection: "A_"})
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 1, 12, 10, 0, 0, time.UTC), begun.ExpiresAt)

	c = client(t, &answer{status: 200, body: `{"connection":"A_","cloud_id":"1","sites":[{"id":"1","url":"https://a","name":"a"}]}`})
	done, err := c.Complete(t.Context(), consent.CompleteRequest{Site: "a"})
	require.NoError(t, err)
	require.Equal(t, []consent.Site{{ID: "1", URL: "https://a", Name: "a"}}, done.Sites)

	c = client(t, &answer{status: 200, body: `{"connections":[{"connection":"A_","has_app":true}]}`})
	status, err := c.Status(t.Context(), consent.StatusRequest{})
	require.NoError(t, err)
	require.True(t, status.Connections[0].HasApp)
}

func TestTheFunctionsRefusalsAreThoseOfTheService(t *testing.T) {
	c := client(t, &answer{status: 200, header: map[string]string{"X-Amz-Function-Error": "Unhandled"},
		body: `{"errorType":"SiteNeeded","errorMessage":"choose a site"}`})
	_, err := c.Complete(t.Context(), consent.CompleteRequest{})
	var refused *consent.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, consent.SiteNeeded, refused.Type)
	require.EqualError(t, err, "choose a site")
}

// An invocation is never repeated. Its error says what to do, and quotes nothing
// that was sent or answered.
func TestFailures(t *testing.T) {
	service := func(status int, kind string) *answer {
		return &answer{status: status, header: map[string]string{"X-Amzn-ErrorType": kind}, body: `{"Message":"in AWS's words"}`}
	}
	for want, a := range map[string]*answer{
		"there is no function bootstrap":         service(404, "ResourceNotFoundException"),
		"have lambda:InvokeFunction granted":     service(403, "AccessDeniedException"),
		"try again in a minute":                  service(429, "TooManyRequestsException"),
		"ServiceException: in AWS's words":       service(500, "ServiceException"),
		"of the same version":                    {status: 200, body: `"canary"`},
		"failed without saying why":              {status: 200, header: map[string]string{"X-Amz-Function-Error": "Unhandled"}, body: `canary`},
		"failed without saying why: look into i": {status: 200, header: map[string]string{"X-Amz-Function-Error": "Unhandled"}, body: `{}`},
	} {
		_, err := client(t, a).Complete(t.Context(), consent.CompleteRequest{State: atlassian.NewSecret("canary"), Code: atlassian.NewSecret("canary")})
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "canary")
		require.Equal(t, 1, a.requests)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	_, err := client(t, service(500, "x")).Begin(stopped, consent.BeginRequest{})
	require.ErrorContains(t, err, "could not be invoked")
	require.ErrorIs(t, err, context.Canceled)
	_, err = client(t, service(500, "x")).Complete(stopped, consent.CompleteRequest{})
	require.ErrorIs(t, err, context.Canceled)
}

// Either function tells how the connections are, and the refresher makes a tick.
func TestHealthAndTick(t *testing.T) {
	a := &answer{status: 200, body: `{"version":"v1","connections":[{"connection":"A_","state":"lost","level":2}]}`}
	told, err := client(t, a).Health(t.Context(), "A_")
	require.NoError(t, err)
	require.Equal(t, "v1", told.Version)
	require.Equal(t, health.Lost, told.Connections[0].State)
	require.Equal(t, health.Broken, told.Connections[0].Level)
	_, err = client(t, &answer{status: 200, body: `{"authorize_url":"x"}`}).Health(t.Context(), "")
	require.ErrorContains(t, err, "is it one of tokenkeeper's, and of the same version as this program?")

	report, err := client(t, &answer{status: 200, body: `{"connections":[{"connection":"A_","action":"idle"}]}`}).Tick(t.Context())
	require.NoError(t, err)
	require.Equal(t, keeper.Idle, report.Connections[0].Action)

	_, err = client(t, &answer{status: 429, header: map[string]string{"X-Amzn-ErrorType": "TooManyRequestsException"}, body: "{}"}).Tick(t.Context())
	require.True(t, lambdaclient.Busy(err))
	_, err = client(t, &answer{status: 500, header: map[string]string{"X-Amzn-ErrorType": "ServiceException"}, body: "{}"}).Tick(t.Context())
	require.Error(t, err)
	require.False(t, lambdaclient.Busy(err))
}
