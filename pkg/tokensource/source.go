package tokensource

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
	"golang.org/x/oauth2"
)

const (
	// maxAge is how long a token is used without asking the store. tokenkeeper
	// rotates while the token has ten minutes left, so a reader that asks every
	// five has a living one.
	maxAge = 5 * time.Minute
	// readTimeout bounds one read, the wait for another caller's read included.
	readTimeout = 10 * time.Second
	// refusalPause is how long the stored token is used in spite of a server's
	// refusals, after a read that found it unchanged. Otherwise a dead grant would
	// turn every request into a read, and Parameter Store's limit of reads a second
	// is the whole account's.
	refusalPause = 30 * time.Second
)

var (
	// ErrNoToken: the parameter does not exist or is still a placeholder. Nobody
	// has consented yet, or the connection's name is misspelt.
	ErrNoToken = errors.New("there is no access token")
	// ErrExpired: the stored token's life is over. tokenkeeper has not rotated it
	// in time; its alarms and `tokenkeeper status` say why.
	ErrExpired = errors.New("the stored access token has expired")
)

// Source is an [oauth2.TokenSource] over the parameters of one connection. It may
// be used by many goroutines at once, which then share one read. Make one for
// each connection and keep it: the cache is the Source's.
type Source struct {
	connection string
	// read returns a parameter's value, and the zero Secret where there is none.
	read func(ctx context.Context, name string) (secret.Secret, error)
	// turn holds one token, for whoever uses the cache. Unlike a mutex it can be
	// waited for under a deadline.
	turn  chan struct{}
	cache cache
}

// cache is what is known of the token.
type cache struct {
	token secret.Secret
	// until is when the token has to be read again; zero: before its next use.
	until time.Time
	// refused is a token that a server refused, and unchanged when a read found
	// that it is still the stored one.
	refused   secret.Secret
	unchanged time.Time
}

var _ oauth2.TokenSource = (*Source)(nil)

func newSource(connection string, read func(context.Context, string) (secret.Secret, error)) *Source {
	return &Source{connection: connection, read: read, turn: make(chan struct{}, 1)}
}

// Token implements [oauth2.TokenSource]. It takes ten seconds at most. The
// returned Expiry is when to ask again, not when the token's life ends.
//
// Errors wrap [ErrNoToken] or [ErrExpired], or the store's own error.
func (s *Source) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

// TokenContext is Token under a context.
func (s *Source) TokenContext(ctx context.Context) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.unlock()
	if !time.Now().Before(s.cache.until) {
		if err := s.refill(ctx); err != nil {
			return nil, err
		}
	}
	return &oauth2.Token{AccessToken: s.cache.token.Reveal(), TokenType: "Bearer", Expiry: s.cache.until}, nil
}

// refill reads the token. The caller has the turn.
func (s *Source) refill(ctx context.Context) error {
	name := s.connection + "ACCESS_TOKEN"
	began := time.Now()
	value, err := s.read(ctx, name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	token, expires, err := decode(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !expires.IsZero() && !time.Now().Before(expires) {
		return fmt.Errorf("%s: %w at %s: run `tokenkeeper status` to see why it was not rotated", name, ErrExpired, expires.Format(time.RFC3339))
	}
	s.cache.token, s.cache.until = token, began.Add(maxAge)
	if !expires.IsZero() && expires.Before(s.cache.until) {
		s.cache.until = expires
	}
	s.cache.unchanged = time.Time{}
	if token == s.cache.refused {
		s.cache.unchanged = began
	}
	return nil
}

// Invalidate says that a server answered 401 to a token of this source. The next
// call of Token reads the parameter again. A token that is not the cached one is
// ignored, and so is one that such a read has just found unchanged: then it is the
// server, or the grant, that a person has to look at.
func (s *Source) Invalidate(refused *oauth2.Token) {
	if refused == nil {
		return
	}
	s.turn <- struct{}{}
	defer s.unlock()
	token := secret.New(refused.AccessToken)
	if token != s.cache.token || time.Now().Before(s.cache.unchanged.Add(refusalPause)) {
		return
	}
	s.cache.refused, s.cache.until = token, time.Time{}
}

// CloudID reads the parameter CLOUD_ID, which `tokenkeeper authorize` stores: the
// id of the site in https://api.atlassian.com/ex/jira/{cloudId}. It never changes
// for a site, so read it once. The error wraps [ErrNoToken] where nobody has
// consented yet.
func (s *Source) CloudID(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	name := s.connection + "CLOUD_ID"
	value, err := s.read(ctx, name)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	id, err := plain(value)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return id.Reveal(), nil
}

func (s *Source) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another read of %sACCESS_TOKEN: %w", s.connection, ctx.Err())
	}
}

func (s *Source) unlock() { <-s.turn }
