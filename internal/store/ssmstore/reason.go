package ssmstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	smithy "github.com/aws/smithy-go"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Reason says why a call got no answer from AWS, and what to set where a person
// can mend it. Only the errors of Go's own network packages speak for themselves;
// of others, which may quote anything, nothing is shown.
func Reason(err error) string {
	var (
		proxy      *atlassian.ProxyError
		dns        *net.DNSError
		network    *net.OpError
		authority  x509.UnknownAuthorityError
		unverified *tls.CertificateVerificationError
		record     tls.RecordHeaderError
		timeout    interface{ Timeout() bool }
		status     interface{ HTTPStatusCode() int }
		operation  *smithy.OperationError
	)
	switch {
	case errors.As(err, &proxy):
		return proxy.Error() + ": have amazonaws.com allowed there, or exempt it by NO_PROXY"
	case errors.As(err, &network) && network.Op == "proxyconnect":
		return "the proxy cannot be reached: correct HTTPS_PROXY, or unset it where none is needed"
	case errors.As(err, &authority):
		return "the certificate is of an authority that is not trusted: if the network inspects TLS, set AWS_CA_BUNDLE to a file of certificates that holds its authority's"
	case errors.As(err, &unverified):
		return "the certificate is not good for that address or this time: check the clock of this machine"
	case errors.As(err, &record):
		return "no TLS is spoken there: check AWS_ENDPOINT_URL, and the proxy in HTTPS_PROXY"
	case errors.As(err, &dns):
		return "the endpoint's name cannot be resolved: " + dns.Error() + ": check the region and the network's name server; where only a proxy reaches the internet, set HTTPS_PROXY"
	case errors.As(err, &network):
		return "the endpoint cannot be reached: " + network.Error() + ": check that this network reaches AWS; where only a proxy does, set HTTPS_PROXY"
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %s per attempt: check that this network reaches AWS; where only a proxy does, set HTTPS_PROXY", attemptTimeout)
	case strings.Contains(err.Error(), "get credentials"), strings.Contains(err.Error(), "retrieve credentials"):
		return "there are no AWS credentials, or they cannot be renewed: set the profile or the role that this program runs with"
	case errors.As(err, &status) && status.HTTPStatusCode() > 0:
		return "the answer is not that of AWS"
	case errors.As(err, &operation):
		return "the request could not be made, or its answer not be understood: check the region and the endpoint"
	}
	return "no answer"
}
