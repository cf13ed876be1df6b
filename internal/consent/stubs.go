package consent

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

type waiting struct{}

// Begin prepares a consent and returns the address to open. It changes nothing
// that is in use. A newer Begin for the same connection replaces an older one.
func (s *Service) Begin(_ context.Context, _ BeginRequest) (Begun, error) {
	return Begun{}, refuse(InvalidRequest, "not there yet")
}

// Complete exchanges the code and puts the tokens in use, once they are known
// to be right.
func (s *Service) Complete(_ context.Context, _ CompleteRequest) (Completed, error) {
	return Completed{}, refuse(InvalidRequest, "not there yet")
}

// Status tells how the consents stand.
func (s *Service) Status(_ context.Context, _ StatusRequest) (Status, error) {
	return Status{}, refuse(InvalidRequest, "not there yet")
}

// Event returns the request as an event for the bootstrap function. It can hold
// the client secret: it is to be sent, and not to be shown.
func (r BeginRequest) Event() atlassian.Secret { return atlassian.Secret{} }

// Event returns the request as an event for the bootstrap function. It holds
// the code: it is to be sent, and not to be shown.
func (r CompleteRequest) Event() atlassian.Secret { return atlassian.Secret{} }

// Event returns the request as an event for the bootstrap function.
func (r StatusRequest) Event() atlassian.Secret { return atlassian.Secret{} }

// ParseEvent reads an event of the bootstrap function: a BeginRequest, a
// CompleteRequest or a StatusRequest.
func ParseEvent(_ []byte) (any, error) { return nil, refuse(InvalidRequest, "not there yet") }
