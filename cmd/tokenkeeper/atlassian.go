package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// atlassianFlags say where Atlassian is: elsewhere for tests only.
type atlassianFlags struct{ authURL, apiURL string }

func (f *atlassianFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.authURL, "auth-url", os.Getenv("ATLASSIAN_AUTH_URL"), "instead of "+atlassian.DefaultAuthURL+", such as an emulator's; also ATLASSIAN_AUTH_URL")
	cmd.Flags().StringVar(&f.apiURL, "api-url", os.Getenv("ATLASSIAN_API_URL"), "instead of "+atlassian.DefaultAPIURL+"; also ATLASSIAN_API_URL")
	for _, name := range []string{"auth-url", "api-url"} {
		cmd.Flags().Lookup(name).DefValue = "" // --help prints it, and an address may hold a password
	}
}

// client returns the client for them.
func (f *atlassianFlags) client() (*atlassian.Client, error) {
	for _, u := range []struct{ flag, value string }{{"auth-url", f.authURL}, {"api-url", f.apiURL}} {
		if err := atlassian.CheckURL(u.value); err != nil {
			return nil, errUsage{fmt.Errorf("--%s is %w", u.flag, err)}
		}
	}
	c := &atlassian.Client{AuthURL: strings.TrimSuffix(f.authURL, "/"), APIURL: strings.TrimSuffix(f.apiURL, "/")}
	if bundle := os.Getenv("AWS_CA_BUNDLE"); bundle != "" {
		transport, err := trusting(bundle)
		if err != nil {
			return nil, err
		}
		c.HTTPClient = &http.Client{Transport: transport}
	}
	return c, nil
}

// trusting is a transport that trusts the authorities in a file as well as the
// system's. People behind TLS inspection have set AWS_CA_BUNDLE for AWS, and the
// same certificates stand before Atlassian.
func trusting(bundle string) (*http.Transport, error) {
	pem, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE cannot be read: %w; correct or unset it", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %s holds no certificate in PEM form: correct or unset it", bundle)
	}
	transport := atlassian.DefaultTransport()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}
