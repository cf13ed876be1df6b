package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
)

const (
	stackID     = "arn:aws:cloudformation:eu-west-1:111122223333:stack/tokenkeeper/1"
	answersHost = "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com"
)

// cloudFormation answers at CloudFormation's own address: the process under test
// uses it as its proxy, and trusts its certificate.
type cloudFormation struct {
	// Env makes a process reach it.
	Env    map[string]string
	Answer struct{ Status, Reason string }
}

func newCloudFormation(t *testing.T) *cloudFormation {
	t.Helper()
	c := &cloudFormation{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.Equal(t, answersHost, r.Host)
		require.NoError(t, json.NewDecoder(r.Body).Decode(&c.Answer))
	}))
	certificate, trusted := certificateFor(t, answersHost)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	way := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, http.MethodConnect, r.Method)
		out, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		in, _, err := w.(http.Hijacker).Hijack()
		require.NoError(t, err)
		_, _ = io.WriteString(in, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		_, _ = io.Copy(in, out)
		_ = in.Close()
	}))
	t.Cleanup(way.Close)
	c.Env = map[string]string{"STACK_ID": stackID, "HTTPS_PROXY": way.URL, "SSL_CERT_FILE": trusted}
	return c
}

// certificateFor makes a host's certificate and a file that trusts it.
func certificateFor(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	form := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "trusted.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// deploymentEvent is what CloudFormation sends of a stack's FirstTick.
func deploymentEvent(stack, address string) string {
	return fmt.Sprintf(`{"RequestType":"Create","ResponseURL":%q,"StackId":%q,"RequestId":"1","ResourceType":"AWS::CloudFormation::CustomResource",
		"LogicalResourceId":"FirstTick","ResourceProperties":{"ServiceToken":"arn:function","ServiceTimeout":"300","ScheduleState":"ENABLED"}}`, address, stack)
}

// The template's FirstTick: the deployment waits until the function that is
// deployed has made a tick that can be seen, and does without one that cannot.
func TestADeploymentWaitsForATick(t *testing.T) {
	t.Parallel()
	c := newCloudFormation(t)
	event := deploymentEvent(stackID, "https://"+answersHost+"/arn?signature")

	w := world.New(t, world.Options{Env: c.Env})
	remove := w.AWS.On(proxy.Rule{Operation: "PutMetricData", Before: refuse(400, "AccessDeniedException")})
	require.Nil(t, w.Invoke(w.Function, event).Error)
	require.Equal(t, "FAILED", c.Answer.Status)
	require.Contains(t, c.Answer.Reason, w.Namespace)
	remove()

	require.Nil(t, w.Invoke(w.Function, event).Error)
	require.Equal(t, "SUCCESS", c.Answer.Status, c.Answer.Reason)
	require.Equal(t, []float64{1}, w.Moto.Published(t, w.Namespace, "Heartbeat"))
	w.Connection().RequireHealthy(1)

	c.Env["REFRESH_BEFORE"] = "soon"
	w = world.New(t, world.Options{Env: c.Env})
	require.Nil(t, w.Invoke(w.Function, event).Error)
	require.Equal(t, "FAILED", c.Answer.Status)
	require.Contains(t, c.Answer.Reason, `REFRESH_BEFORE is "soon"`)
}

// A caller who may invoke the function cannot make it send a request to the
// caller's own address, nor tick by such an event.
func TestAForeignDeploymentIsNotAnswered(t *testing.T) {
	t.Parallel()
	called := false
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	t.Cleanup(stranger.Close)
	w := world.New(t, world.Options{Env: map[string]string{"STACK_ID": stackID}})
	for name, event := range map[string]string{
		"another address": deploymentEvent(stackID, stranger.URL),
		"another stack":   deploymentEvent("arn:aws:cloudformation:eu-west-1:444455556666:stack/evil/1", "https://"+answersHost+"/"),
	} {
		t.Run(name, func(t *testing.T) {
			tick := w.Invoke(w.Function, event)
			require.NotNil(t, tick.Error)
			require.Equal(t, "UnexpectedEvent", tick.Error.Type)
			require.Empty(t, tick.Posts)
		})
	}
	require.False(t, called)
}
