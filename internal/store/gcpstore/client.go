package gcpstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/secretmanager/apiv1"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A call lasts less than 20 s: three attempts and the pauses between them. The
// client's own defaults wait for a minute.
const (
	attemptTimeout = 5 * time.Second
	maxAttempts    = 3
	firstPause     = 250 * time.Millisecond
	maxPause       = 2 * time.Second
)

// idle is how long a connection is kept without a call: less than the time between two
// ticks. A service of Cloud Run has next to no CPU in between, and would not notice
// that the other side has gone.
const idle = time.Minute

// NewClient returns a client for New. emulator is the host and port of an emulator,
// which needs neither encryption nor credentials. If it is empty, the credentials
// are the environment's (Application Default Credentials). Close the client when it
// is no longer used.
func NewClient(ctx context.Context, emulator string, options ...option.ClientOption) (*secretmanager.Client, error) {
	if emulator != "" {
		options = append(options, option.WithEndpoint(emulator), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	options = append(options, option.WithGRPCDialOption(grpc.WithIdleTimeout(idle)))
	c, err := secretmanager.NewClient(ctx, options...)
	if err != nil {
		// Its text names files and variables, and no secret.
		return nil, fmt.Errorf("there is no way into Google Cloud: set up credentials with `gcloud auth application-default login`, or run as a service account: %w", err)
	}
	c.CallOptions = &secretmanager.CallOptions{} // attempts are ours
	return c, nil
}

// clock is the store's, as answers tell it: the latest date among them.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// saw notes the date of an answer. Google's servers send one with gRPC as with
// HTTP, in whole seconds; an answer without one tells nothing.
func (c *clock) saw(header metadata.MD) {
	for _, date := range header.Get("date") {
		if at, err := http.ParseTime(date); err == nil {
			c.mu.Lock()
			if at.After(c.at) {
				c.at = at
			}
			c.mu.Unlock()
		}
	}
}

func (c *clock) latest() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// calling is what one call is about.
type calling struct {
	// what is the method, and name the parameter.
	what, name string
	// changes: a lost answer leaves open whether it took effect.
	changes bool
	// clock learns the time of the answer, where it is not nil.
	clock *clock
}

// call makes a call, in several attempts where another may help. Its error is a
// *failure, or wraps the context's.
func call[T any](ctx context.Context, c calling, do func(context.Context, ...gax.CallOption) (T, error)) (answer T, err error) {
	lost := false
	for attempt, pause := 1, firstPause; ; attempt, pause = attempt+1, min(2*pause, maxPause) {
		var header metadata.MD
		bounded, cancel := context.WithTimeout(ctx, attemptTimeout)
		answer, err = do(bounded, gax.WithGRPCOptions(grpc.Header(&header)))
		cancel()
		if err == nil {
			if c.clock != nil {
				c.clock.saw(header)
			}
			return answer, nil
		}
		if over := ctx.Err(); over != nil {
			return answer, fmt.Errorf("%s: %s: %w", c.name, c.what, over)
		}
		code := status.Code(err)
		lost = lost || c.changes && !harmless(code)
		if !again(code) || attempt == maxAttempts {
			return answer, failed(c, err, lost)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

// again reports whether another attempt may help.
func again(code codes.Code) bool {
	switch code {
	case codes.Unavailable, codes.Internal, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Unknown:
		return true
	}
	return false
}

// harmless reports whether a call that failed so certainly did nothing.
func harmless(code codes.Code) bool {
	switch code {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.FailedPrecondition,
		codes.Unauthenticated, codes.ResourceExhausted, codes.Aborted, codes.OutOfRange, codes.Unimplemented:
		return true
	}
	return false
}
