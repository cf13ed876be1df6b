package main

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// somebody is an environment with credentials that lead nowhere else.
func somebody(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b"}, more...)
}

// quickly runs the program, which must not keep a person waiting.
func quickly(t *testing.T, env []string, args ...string) (output string) {
	t.Helper()
	begun := time.Now()
	out, code := runProgram(t, env, "", args...)
	require.Equal(t, 1, code, out)
	require.Less(t, time.Since(begun), 20*time.Second, "somebody is waiting")
	return out
}

// A proxy that refuses CONNECT is named by every command, and its password is not.
func TestAProxyThatRefuses(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(proxy.Close)
	env := somebody("HTTPS_PROXY=" + strings.Replace(proxy.URL, "http://", "http://me:canary@", 1))
	for _, args := range [][]string{{"where"}, {"doctor"}, {"status"}, {"status", "--function", "f"}, {"tick", "--function", "f"}, {"authorize", "--function", "f"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			out := quickly(t, env, args...)
			require.Contains(t, out, "the proxy refused the connection (HTTP 403 Forbidden): have amazonaws.com allowed there, or exempt it by NO_PROXY")
			require.NotContains(t, out, "canary")
		})
	}
	env = somebody("HTTPS_PROXY=http://127.0.0.1:1")
	require.Contains(t, quickly(t, env, "where"), "the proxy cannot be reached: correct HTTPS_PROXY")
}

// Where the network inspects TLS, a person is told what to set; set so, it works.
func TestTLSInspection(t *testing.T) {
	inspected := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write([]byte(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/me</Arn><UserId>U</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`))
	}))
	inspected.Config.ErrorLog = log.New(io.Discard, "", 0)
	inspected.StartTLS()
	t.Cleanup(inspected.Close)
	env := somebody("AWS_ENDPOINT_URL=" + inspected.URL)
	out := quickly(t, env, "where")
	require.Contains(t, out, "the certificate is of an authority that is not trusted: if the network inspects TLS, set AWS_CA_BUNDLE to a file of certificates")

	bundle := filepath.Join(t.TempDir(), "authority.pem")
	require.NoError(t, os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: inspected.Certificate().Raw}), 0o600))
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
		out, code := runProgram(t, append(env, name+"="+bundle), "", "where")
		require.Zero(t, code, out)
		require.Contains(t, out, "account  111122223333, as arn:aws:iam::111122223333:user/me\n")
	}
	for _, broken := range []string{"/nowhere.pem", "/dev/null"} {
		require.Contains(t, quickly(t, append(env, "AWS_CA_BUNDLE="+broken), "where"), "AWS_CA_BUNDLE cannot be used: "+broken+": expected a file of certificates in PEM form")
	}

	// The same certificates stand before Atlassian.
	atlassian := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	atlassian.TLS = &tls.Config{Certificates: inspected.TLS.Certificates}
	atlassian.Config.ErrorLog = inspected.Config.ErrorLog
	atlassian.StartTLS()
	t.Cleanup(atlassian.Close)
	dir := privateDir(t)
	s := newStage(t)
	st, err := filestore.Open(dir)
	require.NoError(t, err)
	require.NoError(t, fillIn(t.Context(), st, s.Emulator, s.fix, "PSOXY_JIRA_CLOUD_", atlassiantest.ConsentRequest{}))
	tick := func(more ...string) string {
		return quickly(t, append(somebody("ATLASSIAN_AUTH_URL="+atlassian.URL, "ATLASSIAN_API_URL="+atlassian.URL), more...), "tick", "--store", "file:"+dir)
	}
	require.Contains(t, tick(), "set SSL_CERT_FILE")
	require.Contains(t, tick("AWS_CA_BUNDLE="+bundle), "503")
}

// Without credentials the message says what to set, even if the machine's metadata
// service does not answer.
func TestNoCredentials(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	bare := []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "AWS_REGION=eu-west-1"}
	for name, tt := range map[string]struct {
		env  []string
		says string
	}{
		"a metadata service that cannot be reached": {[]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1"}, "there are no AWS credentials: nothing is set, and this machine has no role (its metadata service does not answer): set AWS_PROFILE"},
		"a metadata service that does not answer":   {[]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT=http://" + silent.Addr().String()}, "there are no AWS credentials: nothing is set, and this machine has no role (its metadata service does not answer): set AWS_PROFILE"},
		"a profile that is not there":               {[]string{"AWS_PROFILE=nope"}, "there is no AWS profile nope: correct AWS_PROFILE"},
	} {
		t.Run(name, func(t *testing.T) {
			out := quickly(t, append(bare, tt.env...), "status")
			require.Equal(t, 1, strings.Count(out, "\n"), out)
			require.Contains(t, out, tt.says)
		})
	}
}
