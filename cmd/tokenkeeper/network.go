package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// How long a person waits for a connection to AWS, and for credentials.
const (
	awsDialTimeout     = 5 * time.Second
	credentialsTimeout = 6 * time.Second
)

// awsConfig is the AWS configuration of the environment, with credentials that
// were found. Its errors say what to set.
func awsConfig(ctx context.Context) (aws.Config, error) {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithHTTPClient(awsClient()), awsconfig.WithLogger(logging.Nop{}))
	if err != nil {
		return aws.Config{}, errors.New(configurationReason(err, os.Getenv))
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("no AWS region is configured: set AWS_REGION, or AWS_PROFILE to a profile with one")
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, errors.New(credentialsReason(err, os.Getenv))
	}
	return cfg, nil
}

// awsClient reaches AWS within seconds or not at all. AWS_CA_BUNDLE is read by the
// SDK, which adds it to this client.
func awsClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.TLSHandshakeTimeout = awsDialTimeout
		t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
			if answer.StatusCode != http.StatusOK {
				return &atlassian.ProxyError{Status: answer.StatusCode}
			}
			return nil
		}
	}).WithDialerOptions(func(d *net.Dialer) { d.Timeout = awsDialTimeout })
}

// configurationReason says why the AWS configuration cannot be used.
func configurationReason(err error, getenv func(string) string) string {
	var profile awsconfig.SharedConfigProfileNotExistError
	var loading awsconfig.SharedConfigLoadError
	switch bundle := getenv("AWS_CA_BUNDLE"); {
	case errors.As(err, &profile):
		return "there is no AWS profile " + getenv("AWS_PROFILE") + ": correct AWS_PROFILE"
	case errors.As(err, &loading):
		return "the AWS configuration file cannot be read: " + loading.Filename + ": correct it, or AWS_CONFIG_FILE"
	case bundle != "":
		return "AWS_CA_BUNDLE cannot be used: " + bundle + ": expected a file of certificates in PEM form; correct or unset it"
	}
	return "the AWS configuration cannot be used: " + awsReason(err)
}

// credentialsReason says why there are no credentials, and what to set.
func credentialsReason(err error, getenv func(string) string) string {
	const set = "set AWS_PROFILE (after aws sso login, where your company uses that), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	text := err.Error()
	switch {
	case strings.Contains(text, "failed to refresh cached credentials") && strings.Contains(text, "EC2 IMDS"):
		// The SDK asks the machine's metadata service last, when nothing else is set.
		return "there are no AWS credentials: nothing is set, and this machine has no role (its metadata service does not answer): " + set
	case strings.Contains(text, "SSO"), strings.Contains(text, "sso_"):
		profile := getenv("AWS_PROFILE")
		if profile != "" {
			profile = " --profile " + profile
		}
		return "the AWS sign-in has expired or was not made: run aws sso login" + profile
	}
	return "there are no AWS credentials, or they cannot be renewed: " + awsReason(err) + ": " + set
}

// awsReason says what kept a call from AWS, and what to set where a person can
// mend it. It shows no URL, in which a proxy's password may be.
func awsReason(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return refusal(api)
	}
	return ssmstore.Reason(err)
}

// refusal names what AWS refuses.
func refusal(api smithy.APIError) string {
	switch api.ErrorCode() {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "the AWS credentials have expired (" + api.ErrorCode() + "): sign in again"
	case "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException":
		return "AWS does not know these credentials, or this machine's clock is wrong (" + api.ErrorCode() + ")"
	case "AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation":
		return "access is denied (" + api.ErrorCode() + ")"
	}
	return "AWS refused the call: " + api.ErrorCode()
}
