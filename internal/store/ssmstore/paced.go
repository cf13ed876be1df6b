package ssmstore

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"golang.org/x/time/rate"
)

// Rates are calls a second: GetParameters and PutParameter.
type Rates struct{ Reads, Writes float64 }

// Paced returns a store whose calls stay below the rates that Parameter Store
// allows an account and region. So many connections are served at a steady pace
// instead of running into throttling. A call whose turn would come after its
// context's deadline fails at once with [context.DeadlineExceeded].
//
// GetParameterHistory and DeleteParameter are rare and have limits of their own:
// they do not wait. Nor does a call that the SDK repeats.
func (s *Store) Paced(r Rates) *Store {
	limiter := func(perSecond float64) *rate.Limiter {
		return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond))) // a second's calls at most come at once
	}
	other := *s
	other.client = paced{client: s.client, reads: limiter(r.Reads), writes: limiter(r.Writes)}
	return &other
}

// paced is a client whose calls wait for their turn.
type paced struct {
	client
	reads, writes *rate.Limiter
}

// errNoTurn: the call was not made.
var errNoTurn = fmt.Errorf("the call's turn would come after the deadline: %w", context.DeadlineExceeded)

func (p paced) GetParameters(ctx context.Context, in *ssm.GetParametersInput, options ...func(*ssm.Options)) (*ssm.GetParametersOutput, error) {
	if p.reads.Wait(ctx) != nil {
		return nil, errNoTurn
	}
	return p.client.GetParameters(ctx, in, options...)
}

func (p paced) PutParameter(ctx context.Context, in *ssm.PutParameterInput, options ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	if p.writes.Wait(ctx) != nil {
		return nil, errNoTurn
	}
	return p.client.PutParameter(ctx, in, options...)
}
