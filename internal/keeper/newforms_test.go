package keeper_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// changing changes the members of every successful token answer of the emulator.
type changing func(answer map[string]any)

func (c changing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != 200 || r.URL.Path != "/oauth/token" {
		return resp, err
	}
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	c(answer)
	b, err := json.Marshal(answer)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	resp.Header.Del("Content-Length")
	return resp, err
}

// granular is the answer of an app with so many granular scopes.
func granular(n int) changing {
	return func(answer map[string]any) {
		var scopes []string
		for i := range n {
			scopes = append(scopes, fmt.Sprintf("read:issue-security-level-%02d:jira", i))
		}
		answer["scope"] = strings.Join(scopes, " ")
	}
}

// An answer names so many scopes that the ledger cannot hold them beside its large refresh
// token. The token is what counts.
func TestAnswerWithManyScopes(t *testing.T) {
	w := newWorld(t, func(p *atlassiantest.Policy) { p.TokenPadding = 4700 })
	w.consent()
	w.client.HTTPClient = &http.Client{Transport: granular(100)}
	for range 30 {
		w.tick()
		w.restart()
		w.clock.Advance(5 * time.Minute)
	}
	w.requireKept()
}

// standardOnly is Parameter Store for a role that may not use a key as the advanced tier does.
type standardOnly struct{ store.Store }

func (s standardOnly) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	if value.Len() > 4096 {
		return 0, fmt.Errorf("%s: %w", name, store.ErrDenied)
	}
	return s.Store.Write(ctx, name, value, k)
}

// The intent fits into the standard tier, and with the answer's scopes the successor does not.
func TestAnswerBeyondTheStandardTier(t *testing.T) {
	w := newWorld(t, func(p *atlassiantest.Policy) { p.TokenPadding = 2800 })
	w.consent()
	w.client.HTTPClient = &http.Client{Transport: granular(25)}
	for range 12 {
		w.restartWith(standardOnly{w.store()})
		w.tick()
		w.clock.Advance(5 * time.Minute)
	}
	w.requireKept()
}

// checksummed gives the emulator's tokens the form of Atlassian's API tokens.
const begin, end = "ATOTT3xFfGF0", "=1A2B3C4D"

type checksummed struct{}

func (checksummed) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(b), begin, ""), end, "")
	req := r.Clone(r.Context())
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return changing(func(answer map[string]any) {
		for _, name := range []string{"access_token", "refresh_token"} {
			answer[name] = begin + answer[name].(string) + end
		}
	}).RoundTrip(req)
}

func TestTokensWithAChecksum(t *testing.T) {
	t.Run("from some day on", func(t *testing.T) {
		w := due(t)
		w.client.HTTPClient = &http.Client{Transport: checksummed{}}
		w.ticks(36)
		require.True(t, strings.HasPrefix(w.get(names.AccessToken).Value.Reveal(), begin))
	})
	t.Run("stored by a person", func(t *testing.T) {
		w := newWorld(t)
		w.client.HTTPClient = &http.Client{Transport: checksummed{}}
		tokens := w.consent()
		w.put(names.RefreshToken, begin+tokens.Refresh.Reveal()+end)
		w.want(keeper.Rotated)
	})
}

// Another program's consent with the same app and account has fewer scopes, which override: the
// next rotation's answer says so, and the log.
func TestLostScopes(t *testing.T) {
	for scopes, lost := range map[string]string{"read:me offline_access": "read:jira-work", "": ""} {
		w := due(t)
		w.client.HTTPClient = &http.Client{Transport: changing(func(answer map[string]any) { answer["scope"] = scopes })}
		w.want(keeper.Rotated)
		require.Equal(t, lost != "", strings.Contains(w.logs.String(), "lost scopes"))
		require.Contains(t, w.logs.String(), lost)
	}
}

// The key is denied for a moment while a successor is saved. The entry fits into the standard
// tier, so nothing has to be left out.
func TestAPassingDenialCostsNothing(t *testing.T) {
	w := due(t)
	scopes := w.ledger().Record.Scopes
	require.NotEmpty(t, scopes)
	w.unwritable = nil
	denials := 0
	w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: store.ErrDenied} })
	w.before = func(_ int, op string) error {
		if w.unwritable != nil {
			if denials++; denials > 2 {
				w.unwritable = nil
			}
		}
		return nil
	}
	w.want(keeper.Rotated)
	require.Equal(t, scopes, w.ledger().Record.Scopes)
	require.NotContains(t, w.logs.String(), "older tokens")
}

// An answer with a member that is no JSON is read all the same.
func TestAnOddMember(t *testing.T) {
	for _, odd := range []string{"NaN", "03600", "3600s", ""} {
		w := due(t)
		w.client.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil || resp.StatusCode != 200 {
				return resp, err
			}
			b, err := io.ReadAll(resp.Body)
			require.Contains(t, string(b), `"expires_in":3600`)
			return answer(r, 200, []byte(strings.Replace(string(b), `"expires_in":3600`, `"expires_in":`+odd, 1))), err
		})}
		w.want(keeper.Rotated)
		w.requireKept(odd)
	}
}
