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
	// maxAge is how long a token is used without another read. tokenkeeper rotates
	// when the token has ten minutes left. A reader that reads every five minutes
	// always has a valid token.
	maxAge = 5 * time.Minute
	// readTimeout limits one read, and the wait for another caller's read.
	readTimeout = 10 * time.Second
	// refusalPause is how long refusals are ignored after a read that found the
	// refused token unchanged. Without the pause a dead grant would turn every
	// request into a read. The whole AWS account shares Parameter Store's limit of
	// reads per second.
	refusalPause = 30 * time.Second
)

var (
	// ErrNoToken: the parameter does not exist or is still a placeholder. Either
	// nobody has consented yet, or the connection's name is wrong.
	ErrNoToken = errors.New("there is no access token")
	// ErrExpired: the stored token has expired. tokenkeeper did not rotate it in
	// time; its alarms and `tokenkeeper status` say why.
	ErrExpired = errors.New("the stored access token has expired")
)

// Source is an [oauth2.TokenSource] for the parameters of one connection. Many
// goroutines may use it at once and share one read. Make one Source for each
// connection and keep it, since it contains the cache.
type Source struct {
	connection string
	// read returns a parameter's value, or the zero Secret if there is none.
	read func(ctx context.Context, name string) (secret.Secret, error)
	// turn guards cache. Unlike a mutex it can be waited for with a deadline.
	turn  chan struct{}
	cache cache
}

// cache is what is known about the token.
type cache struct {
	token secret.Secret
	// until is when the token must be read again. Zero means before its next use.
	until time.Time
	// refused is a token that a server refused. unchanged is when a read found that
	// it is still the stored one.
	refused   secret.Secret
	unchanged time.Time
}

var _ oauth2.TokenSource = (*Source)(nil)

func newSource(connection string, read func(context.Context, string) (secret.Secret, error)) *Source {
	return &Source{connection: connection, read: read, turn: make(chan struct{}, 1)}
}

// Token implements [oauth2.TokenSource]. It takes at most ten seconds. The returned
// Expiry is when to ask again, not when the token expires.
//
// The error wraps [ErrNoToken], [ErrExpired] or the store's error.
func (s *Source) Token() (*oauth2.Token, error) { return s.TokenContext(context.Background()) }

// TokenContext is Token with a context.
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

// refill reads the token. The caller must have the lock.
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

// Invalidate reports that a server answered 401 to a token of this source. The next
// call of Token reads the parameter again. Invalidate ignores a token that is not
// the cached one. For 30 seconds it also ignores a token that such a read found
// unchanged: then a person must check the server or the grant.
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

// CloudID reads the parameter CLOUD_ID: the site's id in
// https://api.atlassian.com/ex/jira/{cloudId}. `tokenkeeper authorize` stores it. It
// never changes for a site, so read it once. The error wraps [ErrNoToken] if nobody
// has consented yet, or else the store's error.
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
