package atlassiantest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

var start = time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC)

const (
	reuse = 10 * time.Minute
	day   = 24 * time.Hour
)

// world is an emulator with a fixture and a clock that only the test moves.
type world struct {
	e     *atlassiantest.Emulator
	clock *atlassiantest.Clock
	fix   atlassiantest.Fixture
}

func newWorld(t testing.TB, c atlassiantest.Config) *world {
	t.Helper()
	w := &world{clock: atlassiantest.NewClock(start)}
	c.Clock = w.clock
	w.e = atlassiantest.New(c)
	var err error
	w.fix, err = w.e.AddFixture()
	require.NoError(t, err)
	return w
}

// cheapWorld is a world of cheap tokens under the default policy with changes.
func cheapWorld(t testing.TB, change func(*atlassiantest.Policy)) *world {
	t.Helper()
	p := atlassiantest.DefaultPolicy()
	if change != nil {
		change(&p)
	}
	return newWorld(t, atlassiantest.Config{CheapTokens: true, Policy: &p})
}

func (w *world) authorize(t testing.TB) atlassiantest.Tokens {
	t.Helper()
	tokens, err := w.e.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	return tokens
}

// request presents the refresh token of t.
func (w *world) request(t atlassiantest.Tokens) atlassiantest.RefreshRequest {
	return atlassiantest.RefreshRequest{
		ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret,
		RefreshToken: t.Refresh, Presenter: "test",
	}
}

// refresh presents the refresh token of old and expects success.
func (w *world) refresh(t testing.TB, old atlassiantest.Tokens) atlassiantest.Tokens {
	t.Helper()
	next, err := w.e.Refresh(w.request(old))
	require.NoError(t, err)
	return next
}

// refused presents the refresh token of old and expects the usual refusal.
func (w *world) refused(t testing.TB, old atlassiantest.Tokens) {
	t.Helper()
	_, err := w.e.Refresh(w.request(old))
	requireRefusal(t, err, 403, "unauthorized_client", "refresh_token is invalid")
}

// death returns the death of the tokens' family, which must be dead.
func (w *world) death(t testing.TB, of atlassiantest.Tokens) atlassiantest.Death {
	t.Helper()
	f, found := w.e.Family(of.FamilyID)
	require.True(t, found)
	require.False(t, f.Alive(), "the family should be dead")
	return *f.Death
}

func (w *world) requireAlive(t testing.TB, of atlassiantest.Tokens) {
	t.Helper()
	f, found := w.e.Family(of.FamilyID)
	require.True(t, found)
	require.Nil(t, f.Death)
}

func requireRefusal(t require.TestingT, err error, status int, code, description string) {
	var r *atlassiantest.RefusalError
	require.True(t, errors.As(err, &r), "expected a refusal, got %v", err)
	require.Equal(t, atlassiantest.RefusalError{Status: status, Code: code, Description: description}, *r)
}
