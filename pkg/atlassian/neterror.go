package atlassian

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"syscall"
)

// timedOut is a time-out of the dialer, the handshake or the system. Under
// errors.Is it equals both DeadlineExceeded errors: the context's deadline can end
// a connection attempt a moment before it ends the context.
type timedOut struct{}

func (timedOut) Error() string { return "timed out" }

// Timeout implements that method of net.Error.
func (timedOut) Timeout() bool { return true }

// Is makes errors.Is report a passed deadline.
func (timedOut) Is(target error) bool {
	return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}

// maxUnwrap is how deep presentable unwraps an error.
const maxUnwrap = 20

// presentable turns an error of the network or of the HTTP transport into one that
// may be printed and kept. Errors with a harmless text pass: addresses, host names,
// system errors, certificates. Of other errors only the type is shown, because
// net/http quotes answers ("malformed HTTP response …"), header lines, and proxy
// addresses with their password. If a person can repair the network, the error says
// how.
func presentable(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	return advise(harmless(err, maxUnwrap))
}

func harmless(err error, depth int) error {
	for _, known := range []error{
		context.DeadlineExceeded, context.Canceled,
		http.ErrSchemeMismatch, http.ErrBodyReadAfterClose,
		io.ErrUnexpectedEOF, io.EOF, net.ErrClosed,
	} {
		if err == known {
			return known
		}
	}
	switch e := err.(type) {
	case *net.OpError:
		// Its Err can be anything: a dialer's own error, a proxy's text.
		if e.Err == nil || depth == 0 {
			return reason(e.Op + " failed")
		}
		safe := *e
		if e.Op != "remote error" && e.Op != "local error" { // those contain a TLS alert, a fixed text
			safe.Err = harmless(e.Err, depth-1)
		}
		return &safe
	case *ProxyError, *net.DNSError, *os.SyscallError, syscall.Errno,
		*tls.CertificateVerificationError, tls.RecordHeaderError, tls.AlertError,
		x509.CertificateInvalidError, x509.HostnameError, x509.UnknownAuthorityError:
		return err
	case *url.Error:
		// Its URL is left out: it can contain a user, a password or a query.
		err = e.Err
	}
	if inner := errors.Unwrap(err); inner != nil && depth > 0 {
		return harmless(inner, depth-1)
	}
	if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() {
		return timedOut{}
	}
	return fmt.Errorf("the HTTP exchange failed (%T)", err)
}
