package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Behind TLS inspection the authorities of AWS_CA_BUNDLE count for Atlassian too.
func TestCABundle(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	good := file("good.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for _, c := range []struct{ name, bundle, refuses, fails string }{
		{"the inspection's authority", good, "", ""},
		{"none", "", "", "SSL_CERT_FILE"},
		{"a file that is not there", filepath.Join(dir, "none.pem"), "AWS_CA_BUNDLE cannot be read", ""},
		{"a file without a certificate", file("bad.pem", []byte("hello")), "holds no certificate in PEM form", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("AWS_CA_BUNDLE", c.bundle)
			hosts := atlassianFlags{apiURL: s.URL}
			client, err := hosts.client()
			if c.refuses != "" {
				require.ErrorContains(t, err, c.refuses)
				return
			}
			require.NoError(t, err)
			_, err = client.AccessibleResources(t.Context(), atlassian.NewSecret("token"))
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
		})
	}
}
