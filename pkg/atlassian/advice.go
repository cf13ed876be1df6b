package atlassian

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
)

// ProxyError reports that a proxy refused to open a connection to Atlassian.
// Nothing was sent. Only a DefaultTransport returns it.
type ProxyError struct {
	// Status is the HTTP status of the proxy's answer.
	Status int
}

// Error names the status.
func (e *ProxyError) Error() string {
	return "the proxy refused the connection (HTTP " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status) + ")"
}

// advised is a network error with advice.
type advised struct {
	error
	advice string
}

// Error returns the error's text and the advice.
func (e advised) Error() string { return e.error.Error() + ": " + e.advice }

// Unwrap returns the error without the advice.
func (e advised) Unwrap() error { return e.error }

// advise adds what to do, if the error comes from the network between this machine
// and Atlassian.
func advise(err error) error {
	advice := adviceFor(err)
	if advice == "" {
		return err
	}
	return advised{err, advice}
}

func adviceFor(err error) string {
	var (
		proxy      *ProxyError
		op         *net.OpError
		dns        *net.DNSError
		unverified *tls.CertificateVerificationError
		authority  x509.UnknownAuthorityError
		record     tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &proxy) && proxy.Status == http.StatusProxyAuthRequired:
		return "give HTTPS_PROXY with user and password, as http://USER:PASSWORD@HOST:PORT"
	case errors.As(err, &proxy):
		return "allow auth.atlassian.com and api.atlassian.com in the proxy, or exempt them with NO_PROXY"
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "correct HTTPS_PROXY, or unset it if no proxy is needed"
	case errors.As(err, &authority):
		return "if the network inspects TLS, have the system trust its authority, or set SSL_CERT_FILE to a certificate file that contains it"
	case errors.As(err, &unverified):
		return "check the clock of this machine and the address"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server did not answer with TLS: check the address and the proxy in HTTPS_PROXY"
	case errors.As(err, &dns):
		return "check the network's name server; if only a proxy reaches the internet, set HTTPS_PROXY"
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return "check that this network reaches the internet; if only a proxy does, set HTTPS_PROXY"
	}
	return ""
}
