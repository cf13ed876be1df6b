package ssmstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	smithy "github.com/aws/smithy-go"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// describe turns an error of the SDK into one of this package. It names the
// parameter, and leaves out all that could hold a value. The SDK's own text is not
// safe: ValidationException, for one, quotes the value that it complains about. So
// no message of the API is passed on, and the SDK's error is not wrapped.
func describe(ctx context.Context, call, name string, more int, err error) error {
	if more > 0 {
		name = fmt.Sprintf("%s and %d more", name, more)
	}
	if over := ctx.Err(); over != nil {
		return fmt.Errorf("%s: %s: %w", name, call, over)
	}
	if errors.Is(err, errNoTurn) {
		return fmt.Errorf("%s: %s: %w", name, call, errNoTurn)
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		said := call + ": " + code(api) + at(err)
		if class := classOf(api); class != nil {
			return fmt.Errorf("%s: %w%s (%s)", name, class, labelled(name, api), said)
		}
		return fmt.Errorf("%s: Parameter Store refused or failed: %s", name, said)
	}
	if unsent(err) && !strings.HasPrefix(call, "Get") && !strings.HasPrefix(call, "Describe") {
		return fmt.Errorf("%s: %s: %s: %w", name, call, Reason(err), store.ErrNotWritten)
	}
	return fmt.Errorf("%s: %s: %s%s", name, call, Reason(err), at(err))
}

// code is the API's error code if it looks like one: whatever stands between
// here and AWS may answer with anything.
func code(api smithy.APIError) string {
	if c := api.ErrorCode(); isWord(c) {
		return c
	}
	return "an unreadable error code"
}

// at says which answer it was, for a look into CloudTrail or a support case.
func at(err error) string {
	var s string
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &status) && status.HTTPStatusCode() > 0 {
		s += fmt.Sprintf(", status %d", status.HTTPStatusCode())
	}
	var request interface{ ServiceRequestID() string }
	if errors.As(err, &request) && isWord(request.ServiceRequestID()) {
		s += ", request " + request.ServiceRequestID()
	}
	return s
}

// isWord reports whether w looks like an error code or a request id: letters,
// digits and hyphens, and short.
func isWord(w string) bool {
	return w != "" && len(w) <= 64 && strings.IndexFunc(w, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}) < 0
}

// watch follows the attempts of one call. The SDK repeats it after a lost
// answer; then the answer to the last attempt does not say what the earlier ones
// did.
type watch struct{ ambiguous bool }

// retries is an option of a call: it lets the watch see every failed attempt
// that is repeated.
func (w *watch) retries(o *ssm.Options) {
	if v2, ok := o.Retryer.(aws.RetryerV2); ok {
		o.Retryer = watching{v2, w}
	}
}

// settle makes a definite refusal ambiguous if an earlier attempt may have
// written. ErrExists stays: Store.Create says what it means then.
func (w *watch) settle(err error) error {
	definite := errors.Is(err, store.ErrDenied) || errors.Is(err, store.ErrUnwritable) || errors.Is(err, store.ErrNotWritten)
	if w.ambiguous && definite {
		return fmt.Errorf("an earlier attempt had no answer and may have taken effect; then: %s", err)
	}
	return err
}

// watching is a retryer that tells a watch about ambiguous attempts.
type watching struct {
	aws.RetryerV2
	watch *watch
}

func (r watching) IsErrorRetryable(err error) bool {
	again := r.RetryerV2.IsErrorRetryable(err)
	if again && !harmless(err) {
		r.watch.ambiguous = true
	}
	return again
}

// harmless reports whether a failed attempt certainly did nothing: it was
// refused with a status of the client's own fault, throttled, or never sent.
func harmless(err error) bool {
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &status) {
		if c := status.HTTPStatusCode(); c >= 400 && c < 500 && c != http.StatusRequestTimeout {
			return true
		}
	}
	return throttled(err) || unsent(err)
}

// throttled reports whether AWS refused an attempt because there were too many.
func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool()
}

// unsent reports whether there was no connection that could have carried the request.
func unsent(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) && network.Op == "dial"
}
