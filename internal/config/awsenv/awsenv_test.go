package awsenv_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go/logging"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/config/awsenv"
)

// setenv gives the test the environment of a Lambda function, with these variables
// on top.
func setenv(t *testing.T, variables ...string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	for _, pair := range append([]string{"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_SESSION_TOKEN=session", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=none", "AWS_SHARED_CREDENTIALS_FILE=none"}, variables...) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

// plain are the options of a client that are values. The others are parts, such as
// the HTTP client, which cannot be compared.
func plain(options any) map[string]any {
	values := map[string]any{}
	for field, value := range reflect.ValueOf(options).Fields() {
		switch value.Kind() {
		case reflect.Interface, reflect.Func, reflect.Slice:
		default:
			if field.IsExported() && field.Name != "Interceptors" {
				values[field.Name] = value.Interface()
			}
		}
	}
	return values
}

// What the SDK's own loader makes of the same environment is the measure.
func TestAConfigurationIsTheSDKsOwn(t *testing.T) {
	for name, variables := range map[string][]string{
		"what Lambda sets":             nil,
		"an emulator":                  {"AWS_ENDPOINT_URL=http://127.0.0.1:4566"},
		"an emulator of one service":   {"AWS_ENDPOINT_URL_SSM=http://127.0.0.1:4566"},
		"one service elsewhere":        {"AWS_ENDPOINT_URL=http://127.0.0.1:4566", "AWS_ENDPOINT_URL_CLOUDWATCH=http://127.0.0.1:1"},
		"FIPS":                         {"AWS_USE_FIPS_ENDPOINT=true"},
		"no FIPS":                      {"AWS_USE_FIPS_ENDPOINT=False"},
		"IPv6":                         {"AWS_USE_DUALSTACK_ENDPOINT=TRUE"},
		"no IPv6":                      {"AWS_USE_DUALSTACK_ENDPOINT=false"},
		"GovCloud, with FIPS and IPv6": {"AWS_REGION=us-gov-west-1", "AWS_USE_FIPS_ENDPOINT=true", "AWS_USE_DUALSTACK_ENDPOINT=true"},
		"no session":                   {"AWS_SESSION_TOKEN="},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, variables...)
			ours, err := awsenv.Config(os.Getenv)
			require.NoError(t, err)
			theirs, err := awsconfig.LoadDefaultConfig(t.Context(), awsconfig.WithLogger(logging.Nop{}))
			require.NoError(t, err)

			key, err := theirs.Credentials.Retrieve(t.Context())
			require.NoError(t, err)
			own, err := ours.Credentials.Retrieve(t.Context())
			require.NoError(t, err)
			require.Equal(t, [3]string{key.AccessKeyID, key.SecretAccessKey, key.SessionToken}, [3]string{own.AccessKeyID, own.SecretAccessKey, own.SessionToken})

			require.Equal(t, plain(ssm.NewFromConfig(theirs).Options()), plain(ssm.NewFromConfig(ours).Options()))
			require.Equal(t, plain(cloudwatch.NewFromConfig(theirs).Options()), plain(cloudwatch.NewFromConfig(ours).Options()))
		})
	}
}

func TestWhatCannotBeUsed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for name, c := range map[string]struct {
		variables []string
		names     []string
	}{
		"nothing is set":         {[]string{"AWS_REGION=", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="}, []string{"AWS_REGION is", "AWS_ACCESS_KEY_ID is", "AWS_SECRET_ACCESS_KEY is"}},
		"neither true nor false": {[]string{"AWS_USE_FIPS_ENDPOINT=yes", "AWS_USE_DUALSTACK_ENDPOINT=1"}, []string{"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"}},
		"no file":                {[]string{"AWS_CA_BUNDLE=" + empty + ".none"}, []string{"AWS_CA_BUNDLE"}},
		"no certificate":         {[]string{"AWS_CA_BUNDLE=" + empty}, []string{"AWS_CA_BUNDLE"}},
	} {
		t.Run(name, func(t *testing.T) {
			setenv(t, c.variables...)
			_, err := awsenv.Config(os.Getenv)
			var invalid config.InvalidConfiguration
			require.ErrorAs(t, err, &invalid)
			for _, want := range c.names {
				require.ErrorContains(t, err, want)
			}
			require.ErrorContains(t, err, "expected")
		})
	}
}

// AWS_CA_BUNDLE takes the place of the system's authorities.
func TestABundleIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"Parameters":[]}`)) }))
	t.Cleanup(server.Close)
	read := func(variables ...string) error {
		setenv(t, append(variables, "AWS_ENDPOINT_URL="+server.URL)...)
		cfg, err := awsenv.Config(os.Getenv)
		require.NoError(t, err)
		_, err = ssm.NewFromConfig(cfg, func(o *ssm.Options) { o.RetryMaxAttempts = 1 }).GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{"a"}})
		return err
	}
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	require.NoError(t, os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	require.ErrorContains(t, read(), "certificate")
	require.NoError(t, read("AWS_CA_BUNDLE="+bundle))
}
