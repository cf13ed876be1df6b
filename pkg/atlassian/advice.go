package atlassian

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
)

// ProxyError is the refusal of a proxy to open a connection to Atlassian. A
// DefaultTransport reports it; nothing was sent.
type ProxyError struct {
	// Status is the HTTP status of the proxy's answer.
	Status int
}

// Error names the status.
func (e *ProxyError) Error() string {
	return "the proxy refused the connection (HTTP " + strconv.Itoa(e.Status) + " " + http.StatusText(e.Status) + ")"
}

// advised is an error of the network with what to do about it.
type advised struct {
	error
	advice string
}

// Error is the error's text and the advice.
func (e advised) Error() string { return e.error.Error() + ": " + e.advice }

// Unwrap returns the error without the advice.
func (e advised) Unwrap() error { return e.error }

// advise adds what to do to an error of a network that stands between this
// machine and Atlassian.
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
		return "have auth.atlassian.com and api.atlassian.com allowed there, or exempt them by NO_PROXY"
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "correct HTTPS_PROXY, or unset it where no proxy is needed"
	case errors.As(err, &authority):
		return "if the network inspects TLS, set SSL_CERT_FILE to a file of certificates that holds its authority's, or have the system trust it"
	case errors.As(err, &unverified):
		return "check the clock of this machine, and whether the address is the right one"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "no TLS is spoken there: check the address, and the proxy in HTTPS_PROXY"
	case errors.As(err, &dns):
		return "check the network's name server; where only a proxy reaches the internet, set HTTPS_PROXY"
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return "check that this network reaches the internet; where only a proxy does, set HTTPS_PROXY"
	}
	return ""
}
