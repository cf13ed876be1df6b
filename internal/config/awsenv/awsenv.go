// Package awsenv makes a Lambda function's AWS configuration from the environment.
//
// The SDK's own loader finds credentials on any machine: in profiles, from single
// sign-on, from other programs, from an instance's metadata. It links four more
// services for that, and their tables are built whenever a process starts: a ninth
// of the refresher's start and 2 MiB of its memory. A Lambda function needs none of
// it. Lambda puts the region and the role's credentials into the environment of each
// process (Lambda Developer Guide, "Defined runtime environment variables").
package awsenv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
)

// minCompressBytes is the size from which the SDK compresses a request's body, in
// bytes. It is the SDK's default, which only its loader sets; without it all are
// compressed (AWS SDKs and Tools Reference Guide, "Request compression").
const minCompressBytes = 10240

// Config reads what Lambda sets: AWS_REGION, AWS_ACCESS_KEY_ID,
// AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Those of the SDK's other variables
// that say where AWS is are read too, and mean what they mean to the SDK:
//
//   - AWS_ENDPOINT_URL, and AWS_ENDPOINT_URL_SSM and the like for one service
//   - AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT, true or false
//   - AWS_CA_BUNDLE, a file of certificates
//
// Its error is a [config.InvalidConfiguration]. The SDK logs nothing: its lines are
// not JSON, and each call reports its own error.
func Config(getenv func(string) string) (aws.Config, error) {
	env := config.NewReader(getenv)
	key := aws.Credentials{
		AccessKeyID:     required(env, "AWS_ACCESS_KEY_ID"),
		SecretAccessKey: required(env, "AWS_SECRET_ACCESS_KEY"),
		SessionToken:    getenv("AWS_SESSION_TOKEN"),
	}
	cfg := aws.Config{
		Region:                      required(env, "AWS_REGION"),
		Credentials:                 credentials.StaticCredentialsProvider{Value: key},
		HTTPClient:                  trusting(env),
		Logger:                      logging.Nop{},
		DefaultsMode:                aws.DefaultsModeLegacy,
		RequestMinCompressSizeBytes: minCompressBytes,
	}
	if url := env.Get("AWS_ENDPOINT_URL", ""); url != "" {
		cfg.BaseEndpoint = &url
	}
	from := source{getenv: getenv}
	if on, set := isTrue(env, "AWS_USE_FIPS_ENDPOINT"); set {
		from.fips = aws.FIPSEndpointStateDisabled
		if on {
			from.fips = aws.FIPSEndpointStateEnabled
		}
	}
	if on, set := isTrue(env, "AWS_USE_DUALSTACK_ENDPOINT"); set {
		from.dualStack = aws.DualStackEndpointStateDisabled
		if on {
			from.dualStack = aws.DualStackEndpointStateEnabled
		}
	}
	cfg.ConfigSources = []any{from}
	return cfg, env.Err()
}

// required returns a variable that Lambda sets. Its value is never shown.
func required(env *config.Reader, name string) string {
	value := env.Get(name, "")
	if value == "" {
		env.Wrong(name, "is not set: expected the value that Lambda gives each function")
	}
	return value
}

// isTrue reads a variable that is true or false.
func isTrue(env *config.Reader, name string) (on, set bool) {
	switch value := strings.ToLower(env.Get(name, "")); value {
	case "":
		return false, false
	case "true", "false":
		return value == "true", true
	default:
		env.Wrong(name, "is %q: expected true or false", value)
		return false, false
	}
}

// trusting returns a client that trusts the authorities of AWS_CA_BUNDLE and no
// others; nil, the SDK's own, where none is set.
func trusting(env *config.Reader) aws.HTTPClient {
	file := env.Get("AWS_CA_BUNDLE", "")
	if file == "" {
		return nil
	}
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(file); err != nil || !roots.AppendCertsFromPEM(pem) {
		env.Wrong("AWS_CA_BUNDLE", "cannot be used: %s: expected a file of certificates in PEM form", file)
		return nil
	}
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		t.TLSClientConfig.RootCAs = roots
	})
}

// source answers the questions that a service's client asks the sources of its
// configuration. The SDK finds the methods by their names.
type source struct {
	getenv    func(string) string
	fips      aws.FIPSEndpointState
	dualStack aws.DualStackEndpointState
}

// GetServiceBaseEndpoint returns the endpoint of one service, such as that of
// AWS_ENDPOINT_URL_SSM.
func (s source) GetServiceBaseEndpoint(_ context.Context, sdkID string) (url string, found bool, err error) {
	url = s.getenv("AWS_ENDPOINT_URL_" + strings.ReplaceAll(strings.ToUpper(sdkID), " ", "_"))
	return url, url != "", nil
}

// GetUseFIPSEndpoint tells whether endpoints with FIPS 140 cryptography are used.
func (s source) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	return s.fips, s.fips != aws.FIPSEndpointStateUnset, nil
}

// GetUseDualStackEndpoint tells whether endpoints with IPv6 are used.
func (s source) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	return s.dualStack, s.dualStack != aws.DualStackEndpointStateUnset, nil
}
