package ssmstore

import (
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// A call lasts about 19 s at the most: three attempts and the pauses between
// them. The SDK's own defaults let one attempt hang without end.
const (
	// attemptTimeout bounds an attempt, from dialling to the end of the answer.
	// Parameter Store answers in tens of milliseconds.
	attemptTimeout = 5 * time.Second
	// dialTimeout bounds its connection.
	dialTimeout = 2 * time.Second
	maxAttempts = 3
	// maxBackoff bounds the pause before another attempt, which is random and
	// grows. Throttling (about three puts a second) passes within that.
	maxBackoff = 2 * time.Second
)

// NewClient returns a client for New, whose calls end in time whatever happens,
// and end at once with their context. Options are applied last.
//
// An HTTP client of the configuration's own is kept; if it is an *http.Client
// without a time-out, a copy with one takes its place.
func NewClient(cfg aws.Config, options ...func(*ssm.Options)) *ssm.Client {
	return ssm.NewFromConfig(cfg, append([]func(*ssm.Options){inTime}, options...)...)
}

func inTime(o *ssm.Options) {
	switch c := o.HTTPClient.(type) {
	case nil:
		o.HTTPClient = bounded(awshttp.NewBuildableClient())
	case *awshttp.BuildableClient:
		o.HTTPClient = bounded(c)
	case *http.Client:
		if c.Timeout == 0 {
			copied := *c
			copied.Timeout = attemptTimeout
			o.HTTPClient = &copied
		}
	}
	o.RetryMaxAttempts = maxAttempts
	o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = maxAttempts
		r.MaxBackoff = maxBackoff
		// Parameter Store's word for two changes of one parameter at once.
		r.Retryables = append(r.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"TooManyUpdates": {}}})
	})
}

func bounded(c *awshttp.BuildableClient) *awshttp.BuildableClient {
	return c.WithTimeout(attemptTimeout).WithDialerOptions(func(d *net.Dialer) { d.Timeout = dialTimeout })
}
