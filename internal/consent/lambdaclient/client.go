// Package lambdaclient consents through the deployed bootstrap function. The
// person needs the permission to invoke it, and no access to the parameters or
// their key.
package lambdaclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Times of an invocation. It is waited for longer than the function may run.
const (
	dialTimeout   = 5 * time.Second
	invokeTimeout = 5 * time.Minute
)

// Client makes the requests of package consent to a function. Its methods'
// errors are *consent.Error where the function refuses, as those of
// consent.Service are.
type Client struct {
	lambda   *lambda.Client
	function string
}

// New returns a client of the function with the given name or ARN.
//
// An invocation is made once. A completion may be repeated, but not while the
// first one is still at work: its caller decides.
func New(cfg aws.Config, function string) *Client {
	return &Client{function: function, lambda: lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.Retryer = aws.NopRetryer{}
		if _, plain := o.HTTPClient.(*http.Client); plain {
			return
		}
		own, ok := o.HTTPClient.(*awshttp.BuildableClient)
		if !ok {
			own = awshttp.NewBuildableClient()
		}
		o.HTTPClient = own.WithTimeout(invokeTimeout).WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })
	})}
}

// Begin implements consent.Service.Begin.
func (c *Client) Begin(ctx context.Context, r consent.BeginRequest) (answer consent.Begun, err error) {
	err = c.invoke(ctx, r.Event(), &answer)
	return answer, err
}

// Complete implements consent.Service.Complete. Once it has begun, ctx does not
// interrupt it: the function would go on, and how it ended would not be known.
func (c *Client) Complete(ctx context.Context, r consent.CompleteRequest) (answer consent.Completed, err error) {
	if err := ctx.Err(); err != nil {
		return consent.Completed{}, err
	}
	err = c.invoke(context.WithoutCancel(ctx), r.Event(), &answer)
	return answer, err
}

// Status implements consent.Service.Status.
func (c *Client) Status(ctx context.Context, r consent.StatusRequest) (answer consent.Status, err error) {
	err = c.invoke(ctx, r.Event(), &answer)
	return answer, err
}

// Health asks how a connection is, or with an empty name how all are. Either
// function of a stack answers.
func (c *Client) Health(ctx context.Context, connection string) (answer health.Answer, err error) {
	event, err := json.Marshal(struct {
		Action     string `json:"action"`
		Connection string `json:"connection,omitempty"`
	}{"health", connection})
	if err != nil {
		return answer, err
	}
	err = c.invoke(ctx, atlassian.NewSecret(string(event)), &answer)
	if err == nil && len(answer.Connections) == 0 {
		err = fmt.Errorf("the function %s tells of no connection: is it one of tokenkeeper's, and of the same version as this program?", c.function)
	}
	return answer, err
}

// Tick asks the refresher for a tick.
func (c *Client) Tick(ctx context.Context) (answer fleet.Report, err error) {
	err = c.invoke(ctx, atlassian.NewSecret(`{"action":"tick"}`), &answer)
	return answer, err
}

// busyError is that of a function that is at work for somebody else.
type busyError struct{ function string }

// Error names the function.
func (e busyError) Error() string {
	return "the function " + e.function + " is busy: try again in a minute"
}

// Busy reports whether the function was at work for somebody else, so that the
// same request may be answered some seconds later.
func Busy(err error) bool { return errors.As(err, new(busyError)) }

// functionError is the payload of an invocation that ended with an error.
type functionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// invoke sends an event and reads the answer. Neither is ever part of an error:
// both can hold secrets.
func (c *Client) invoke(ctx context.Context, event atlassian.Secret, answer any) error {
	out, err := c.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &c.function, Payload: []byte(event.Reveal())})
	if err != nil {
		return c.describe(err)
	}
	if out.FunctionError != nil {
		var failed functionError
		if json.Unmarshal(out.Payload, &failed) != nil || failed.Type == "" {
			return fmt.Errorf("the function %s failed without saying why: look into its log", c.function)
		}
		return &consent.Error{Type: consent.ErrorType(failed.Type), Message: failed.Message}
	}
	if json.Unmarshal(out.Payload, answer) != nil {
		return fmt.Errorf("the function %s answered with something else than was asked for: is it tokenkeeper's bootstrap function, and of the same version as this program?", c.function)
	}
	return nil
}

// describe says what kept the function from being invoked, in the words of AWS
// that are fit to be shown.
func (c *Client) describe(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("the function %s could not be invoked, or its answer was lost: %w", c.function, context.Canceled)
		}
		return fmt.Errorf("the function %s could not be invoked, or its answer was lost: %s", c.function, ssmstore.Reason(err))
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		return fmt.Errorf("there is no function %s in this account and region: compare the stack's outputs, AWS_PROFILE and AWS_REGION", c.function)
	case "AccessDeniedException", "AccessDenied":
		return fmt.Errorf("you may not invoke the function %s: have lambda:InvokeFunction granted on it", c.function)
	case "TooManyRequestsException":
		return busyError{c.function}
	}
	return fmt.Errorf("invoking the function %s failed: %s: %s", c.function, api.ErrorCode(), api.ErrorMessage())
}
