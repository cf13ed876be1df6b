package ssmstore

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func config(h aws.HTTPClient) aws.Config {
	return aws.Config{
		Region:       "eu-west-1",
		Credentials:  credentials.NewStaticCredentialsProvider("k", "s", ""),
		BaseEndpoint: aws.String("http://ssm.invalid"),
		HTTPClient:   h,
	}
}

// hanging takes connections and requests, and never answers. It counts them.
func hanging(attempts *int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			*attempts++
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			return ours, nil
		},
	}}
}

var value = atlassian.NewSecret("canary")

// A Parameter Store that hangs costs a call less than twenty seconds, which is
// what the rotation reserves for its saves.
func TestHangingCallEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts, began := 0, time.Now()
		s := New(NewClient(config(hanging(&attempts))), "alias/aws/ssm", time.Now)
		_, err := s.Write(t.Context(), "NAME", value, store.Encrypted)
		require.ErrorContains(t, err, "NAME: PutParameter: no answer within 5s per attempt")
		require.Equal(t, maxAttempts, attempts)
		require.Less(t, time.Since(began), 20*time.Second)
		require.GreaterOrEqual(t, time.Since(began), maxAttempts*attemptTimeout)
	})
}

func TestCallEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts, began := 0, time.Now()
		s := New(NewClient(config(hanging(&attempts))), "alias/aws/ssm", time.Now)
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		_, err := s.Read(ctx, "NAME")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 7*time.Second, time.Since(began))
	})
}

func TestUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		s := New(NewClient(config(&http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				attempts++
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
			},
		}})), "alias/aws/ssm", time.Now)
		_, err := s.Create(t.Context(), "NAME", value, store.Plain)
		require.ErrorContains(t, err, "NAME: PutParameter: the endpoint cannot be reached: dial tcp: connection refused")
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.Equal(t, maxAttempts, attempts)
	})
}

func TestNoCredentials(t *testing.T) {
	cfg := config(nil)
	cfg.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("the profile holds canary")
	}))
	_, err := New(NewClient(cfg), "alias/aws/ssm", time.Now).Write(t.Context(), "NAME", value, store.Encrypted)
	require.ErrorContains(t, err, "NAME: PutParameter: there are no AWS credentials")
	require.NotContains(t, err.Error(), "canary")
}

func TestNoRegion(t *testing.T) {
	cfg := config(nil)
	cfg.Region, cfg.BaseEndpoint = "", nil
	_, err := New(NewClient(cfg), "alias/aws/ssm", time.Now).Write(t.Context(), "NAME", value, store.Encrypted)
	require.ErrorContains(t, err, "check the region")
	require.NotContains(t, err.Error(), "canary")
}

// However the configuration brings its HTTP client, an attempt is bounded.
func TestClientIsBounded(t *testing.T) {
	for name, h := range map[string]aws.HTTPClient{"none": nil, "the SDK's": awshttp.NewBuildableClient()} {
		o := NewClient(config(h)).Options()
		c, ok := o.HTTPClient.(*awshttp.BuildableClient)
		require.True(t, ok, name)
		require.Equal(t, attemptTimeout, c.GetTimeout(), name)
		require.Equal(t, dialTimeout, c.GetDialer().Timeout, name)
		require.Equal(t, maxAttempts, o.Retryer.MaxAttempts(), name)
	}

	given := &http.Client{}
	require.Equal(t, attemptTimeout, NewClient(config(given)).Options().HTTPClient.(*http.Client).Timeout)
	require.Zero(t, given.Timeout, "the caller's client is left alone")
	given = &http.Client{Timeout: time.Second}
	require.Same(t, given, NewClient(config(given)).Options().HTTPClient)

	cfg := config(nil)
	cfg.RetryMaxAttempts = 10 // as AWS_MAX_ATTEMPTS sets it
	require.Equal(t, maxAttempts, NewClient(cfg).Options().Retryer.MaxAttempts())

	o := NewClient(config(nil), func(o *ssm.Options) { o.Region = "us-east-1" }).Options()
	require.Equal(t, "us-east-1", o.Region)
}
