package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
)

const (
	ownStack = "arn:aws:cloudformation:eu-west-1:111122223333:stack/tokenkeeper/0b8c7b2e-0000-4000-8000-000000000001"
	answers  = "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/stack?X-Amz-Signature=canary-signature"
)

// cloudFormation takes the answers that custom resources send, wherever they go.
type cloudFormation struct {
	status  int
	header  http.Header
	answers []map[string]string
	hosts   []string
}

// RoundTrip implements http.RoundTripper.
func (c *cloudFormation) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	answer := map[string]string{"Method": r.Method}
	_ = json.Unmarshal(body, &answer)
	c.answers, c.hosts = append(c.answers, answer), append(c.hosts, r.URL.Host)
	return &http.Response{StatusCode: c.status, Header: c.header, Body: http.NoBody, Request: r}, nil
}

// deployedBy answers over c.
func deployedBy(c *cloudFormation) deployment {
	d := newDeployment(ownStack)
	d.client.Transport = c
	return d
}

func request(kind, state, stack, url string) json.RawMessage {
	payload, _ := json.Marshal(map[string]any{"RequestType": kind, "ResponseURL": url, "StackId": stack, "RequestId": "request",
		"ResourceType": "AWS::CloudFormation::CustomResource", "LogicalResourceId": "FirstTick", "ResourceProperties": map[string]any{"ServiceToken": "arn", "ScheduleState": state}})
	return payload
}

// sick is the error of a tick whose connection is lost and whose metrics end so.
func sick(t *testing.T, published error) error {
	r := fleet.Fleet{Keeper: refusing{}, Connections: []family.Connection{{Name: "A_"}}, Sink: sink{published}, Now: time.Now, Parallel: 1}
	_, err := r.Tick(context.Background(), slog.New(slog.DiscardHandler))
	require.Error(t, err)
	return err
}

type refusing struct{}

func (refusing) Tick(context.Context, family.Connection, *slog.Logger) keeper.Outcome {
	return keeper.Outcome{Connection: "A_", Action: keeper.Refused}
}

type sink struct{ err error }

func (s sink) Publish(context.Context, time.Time, []metrics.Metric) error { return s.err }

// invalid is the error of an environment that cannot be used.
func invalid() error {
	env := config.NewReader(func(string) string { return "" })
	env.Wrong("REFRESH_BEFORE", "is wrong")
	return env.Err()
}

func TestDeployment(t *testing.T) {
	for _, tt := range []struct {
		name, kind, state string
		tick              error
		ticks             int
		status            string
		reason            string
	}{
		{"a good start", "Create", "ENABLED", nil, 1, "SUCCESS", ""},
		{"a lost family is the alarms' business", "Create", "ENABLED", sick(t, nil), 1, "SUCCESS", ""},
		{"metrics that nobody would see", "Create", "ENABLED", sick(t, errors.New("PutMetricData: denied")), 1, "FAILED", "PutMetricData: denied"},
		{"a configuration that does not hold", "Create", "ENABLED", invalid(), 1, "FAILED", "REFRESH_BEFORE is wrong"},
		{"no schedule yet", "Create", "DISABLED", errors.New("not asked"), 0, "SUCCESS", ""},
		{"the schedule enabled", "Update", "ENABLED", nil, 1, "SUCCESS", ""},
		{"the schedule disabled", "Update", "DISABLED", errors.New("not asked"), 0, "SUCCESS", ""},
		{"a deletion", "Delete", "ENABLED", errors.New("not asked"), 0, "SUCCESS", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &cloudFormation{status: 200}
			ticks := 0
			serve := handler(slog.New(slog.DiscardHandler), deployedBy(c), func(context.Context, *slog.Logger) (fleet.Report, error) {
				ticks++
				return fleet.Report{}, tt.tick
			}, nil)
			_, err := serve(t.Context(), request(tt.kind, tt.state, ownStack, answers))
			require.NoError(t, err, "or Lambda would ask again")
			require.Equal(t, tt.ticks, ticks)
			require.Len(t, c.answers, 1)
			answer := c.answers[0]
			require.Equal(t, "PUT", answer["Method"])
			require.Equal(t, tt.status, answer["Status"])
			require.Contains(t, answer["Reason"], tt.reason)
			require.Equal(t, []string{ownStack, "request", "FirstTick", "first-tick"},
				[]string{answer["StackId"], answer["RequestId"], answer["LogicalResourceId"], answer["PhysicalResourceId"]})
		})
	}
}

// TestOthersAreNotAnswered: a caller who may invoke the function can invent an
// event. Nothing is called and no tick is made for one that is not of this stack,
// or wants an answer elsewhere than at CloudFormation.
func TestOthersAreNotAnswered(t *testing.T) {
	const bucket = "https://cloudformation-custom-resource-response-euwest1.s3"
	for name, tt := range map[string]struct{ own, stack, url string }{
		"another stack":               {ownStack, "arn:aws:cloudformation:eu-west-1:111122223333:stack/other/1", answers},
		"no stack":                    {ownStack, "", answers},
		"a function of no stack":      {"", "", answers},
		"a stack that is none":        {"stack", "stack", answers},
		"another partition":           {"arn:aws-moon:cloudformation:eu-west-1:1:stack/a/1", "arn:aws-moon:cloudformation:eu-west-1:1:stack/a/1", answers},
		"any host":                    {ownStack, ownStack, "https://evil.example/?canary-signature"},
		"a host that begins alike":    {ownStack, ownStack, bucket + ".eu-west-1.amazonaws.com.evil.example/?canary-signature"},
		"a host that ends alike":      {ownStack, ownStack, "https://evil.s3.eu-west-1.amazonaws.com/?canary-signature"},
		"a bucket of the same prefix": {ownStack, ownStack, "https://cloudformation-custom-resource-response-evil.s3.amazonaws.com/?canary-signature"},
		"another region's bucket":     {ownStack, ownStack, "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/?canary-signature"},
		"another partition's host":    {ownStack, ownStack, bucket + ".eu-west-1.amazonaws.com.cn/?canary-signature"},
		"another port":                {ownStack, ownStack, bucket + ".eu-west-1.amazonaws.com:8443/?canary-signature"},
		"a user in the address":       {ownStack, ownStack, "https://canary-signature@cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/"},
		"http":                        {ownStack, ownStack, "http://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/?canary-signature"},
		"this machine":                {ownStack, ownStack, "http://127.0.0.1:1/?canary-signature"},
		"a file":                      {ownStack, ownStack, "file:///canary-signature"},
		"no address":                  {ownStack, ownStack, "%zz canary-signature"},
	} {
		t.Run(name, func(t *testing.T) {
			var logs bytes.Buffer
			c := &cloudFormation{status: 200}
			d := deployedBy(c)
			d.stackID = tt.own
			serve := handler(slog.New(slog.NewTextHandler(&logs, nil)), d, func(context.Context, *slog.Logger) (fleet.Report, error) {
				require.Fail(t, "a tick was made")
				return fleet.Report{}, nil
			}, nil)
			_, err := serve(t.Context(), request("Create", "ENABLED", tt.stack, tt.url))
			require.ErrorAs(t, err, &UnexpectedEvent{})
			require.Empty(t, c.hosts)
			require.NotContains(t, err.Error()+logs.String(), "canary-signature", "a signed address is a secret")
			require.Contains(t, logs.String(), "level=ERROR")
		})
	}
}

// TestHostsOfTheAnswers: the forms that CloudFormation's addresses have had, in
// each partition.
func TestHostsOfTheAnswers(t *testing.T) {
	for _, tt := range []struct{ partition, region, host string }{
		{"aws", "eu-west-1", "cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com"},
		{"aws", "eu-west-1", "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com"},
		{"aws", "us-east-1", "cloudformation-custom-resource-response-useast1.s3.amazonaws.com"},
		{"aws-us-gov", "us-gov-west-1", "cloudformation-custom-resource-response-usgovwest1.s3.us-gov-west-1.amazonaws.com"},
		{"aws-cn", "cn-north-1", "cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn"},
		{"aws-eusc", "eusc-de-east-1", "cloudformation-custom-resource-response-euscdeeast1.s3.eusc-de-east-1.amazonaws.eu"},
	} {
		t.Run(tt.host, func(t *testing.T) {
			c := &cloudFormation{status: 200}
			d := deployedBy(c)
			d.stackID = "arn:" + tt.partition + ":cloudformation:" + tt.region + ":111122223333:stack/tokenkeeper/1"
			serve := handler(slog.New(slog.DiscardHandler), d, func(context.Context, *slog.Logger) (fleet.Report, error) { return fleet.Report{}, nil }, nil)
			_, err := serve(t.Context(), request("Delete", "ENABLED", d.stackID, "https://"+tt.host+"/x?y"))
			require.NoError(t, err)
			require.Equal(t, []string{tt.host}, c.hosts)
		})
	}
}

// TestAnAnswerThatIsNotTaken fails the invocation, so that Lambda tries again; a
// redirect is not followed.
func TestAnAnswerThatIsNotTaken(t *testing.T) {
	for _, c := range []*cloudFormation{{status: 403}, {status: 307, header: http.Header{"Location": {"https://evil.example/"}}}} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			var logs bytes.Buffer
			serve := handler(slog.New(slog.NewTextHandler(&logs, nil)), deployedBy(c), func(context.Context, *slog.Logger) (fleet.Report, error) { return fleet.Report{}, nil }, nil)
			_, err := serve(t.Context(), request("Delete", "ENABLED", ownStack, answers))
			require.Error(t, err)
			require.NotContains(t, err.Error()+logs.String(), "canary-signature", "a signed address is a secret")
			require.Len(t, c.hosts, 1)
		})
	}
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestWhoNeverAnswers keeps the only execution for seconds, not for the whole
// invocation.
func TestWhoNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment(ownStack)
		d.client.Transport = silent{}
		serve := handler(slog.New(slog.DiscardHandler), d, func(context.Context, *slog.Logger) (fleet.Report, error) { return fleet.Report{}, nil }, nil)
		begun := time.Now()
		_, err := serve(t.Context(), request("Delete", "ENABLED", ownStack, answers))
		require.ErrorContains(t, err, "5s")
		require.Equal(t, 5*time.Second, time.Since(begun))
	})
}
