package keeper_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper/keepertest"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

func TestConformance(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		keepertest.Run(t, func(*testing.T) keeper.Store { return keeper.NewMemory(nil) })
	})
	t.Run("files", func(t *testing.T) {
		keepertest.Run(t, func(t *testing.T) keeper.Store {
			s, err := filestore.Open(filepath.Join(t.TempDir(), "tokens"))
			require.NoError(t, err)
			return s
		})
	})
}

// emulatedFor is an emulator that ends with the test.
func emulatedFor(t *testing.T) emulated {
	t.Helper()
	atl := emulate()
	t.Cleanup(atl.done)
	return atl
}

var jira = keeper.Connection{Name: "JIRA_"}

// TestAdoption: tokens that were obtained elsewhere are written to the store.
func TestAdoption(t *testing.T) {
	atl := emulatedFor(t)
	g, err := atl.exchange(t.Context())
	require.NoError(t, err)
	s, names := keeper.NewMemory(atl.clock.Now), jira.Names()
	for name, value := range map[string]secret.Secret{
		names.ClientID: secret.New(g.App.ClientID), names.ClientSecret: g.App.ClientSecret, names.RefreshToken: g.Token.Refresh,
	} {
		_, err := s.Write(t.Context(), name, value, keeper.Encrypted)
		require.NoError(t, err)
	}
	k := keeper.New(s, keeper.Options{Endpoint: atl.client, Now: atl.clock.Now})
	_, err = k.AccessToken(t.Context(), jira)
	require.ErrorIs(t, err, keeper.ErrNoAccessToken)
	out := k.Tick(t.Context(), jira)
	require.Equal(t, keeper.Rotated, out.Action, out.Reason)
	access, err := k.AccessToken(t.Context(), jira)
	require.NoError(t, err)
	_, err = atl.client.AccessibleResources(t.Context(), access)
	require.NoError(t, err)
	found, err := s.Read(t.Context(), names.Ledger)
	require.NoError(t, err)
	require.Contains(t, found, "JIRA_TOKEN_LEDGER")
}

// TestConsentIsComplete: what a consent must yield is checked before anything of
// the family in use is replaced.
func TestConsentIsComplete(t *testing.T) {
	atl := emulatedFor(t)
	s := keeper.NewMemory(atl.clock.Now)
	k := keeper.New(s, keeper.Options{Endpoint: atl.client, Now: atl.clock.Now})
	require.NoError(t, k.Consent(t.Context(), jira, func(ctx context.Context) (keeper.Grant, error) {
		g, err := atl.exchange(ctx)
		g.CloudID = "the-site"
		return g, err
	}))
	before, err := s.Read(t.Context(), jira.Names().RefreshToken, jira.Names().CloudID)
	require.NoError(t, err)
	require.Equal(t, "the-site", before[jira.Names().CloudID].Value.Reveal())

	refused := errors.New("the person declined")
	for name, tt := range map[string]struct {
		change func(*keeper.Grant)
		fails  error
		want   string
	}{
		"obtain failed":    {func(*keeper.Grant) {}, refused, refused.Error()},
		"no refresh token": {func(g *keeper.Grant) { g.Token.Refresh = secret.Secret{} }, nil, "offline_access"},
		"no app":           {func(g *keeper.Grant) { g.App = atlassian.App{} }, nil, "names no app"},
	} {
		t.Run(name, func(t *testing.T) {
			err := k.Consent(t.Context(), jira, func(ctx context.Context) (keeper.Grant, error) {
				g, err := atl.exchange(ctx)
				require.NoError(t, err)
				tt.change(&g)
				return g, tt.fails
			})
			require.ErrorContains(t, err, tt.want)
			after, err := s.Read(t.Context(), jira.Names().RefreshToken)
			require.NoError(t, err)
			require.Equal(t, before[jira.Names().RefreshToken].Version, after[jira.Names().RefreshToken].Version)
		})
	}
}

// readOnly is a store that takes no writes.
type readOnly struct{ keeper.Store }

func (readOnly) Write(_ context.Context, name string, _ secret.Secret, _ keeper.Kind) (int64, error) {
	return 0, fmt.Errorf("%s: %w", name, keeper.ErrDenied)
}

// TestNoCodeIsWasted: a store that takes no writes is found before the code is
// exchanged, and before a token is presented.
func TestNoCodeIsWasted(t *testing.T) {
	atl := emulatedFor(t)
	s := keeper.NewMemory(atl.clock.Now)
	options := keeper.Options{Endpoint: atl.client, Now: atl.clock.Now}
	require.NoError(t, keeper.New(s, options).Consent(t.Context(), jira, atl.exchange))
	k := keeper.New(readOnly{s}, options)
	err := k.Consent(t.Context(), jira, func(context.Context) (keeper.Grant, error) {
		require.Fail(t, "the code was exchanged")
		return keeper.Grant{}, nil
	})
	require.ErrorIs(t, err, keeper.ErrDenied)

	atl.clock.Advance(time.Hour)
	before := atl.EventCount()
	out := k.Tick(t.Context(), jira)
	require.Equal(t, keeper.Failed, out.Action, out.Reason)
	require.Equal(t, before, atl.EventCount(), "nothing was spent")
}

// TestWrongNames: a connection's name is checked before anything is read.
func TestWrongNames(t *testing.T) {
	k := keeper.New(nil, keeper.Options{}) // a call of the store would panic
	for name, wrong := range map[string]keeper.Connection{
		"none": {}, "no end": {Name: "JIRA"}, "a path without a slash": {Name: "corp/JIRA_"}, "the ledger's": {Name: "JIRA_", Ledger: "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			out := k.Tick(t.Context(), wrong)
			require.Equal(t, keeper.Misconfigured, out.Action)
			require.Contains(t, out.Reason, "name is")
			require.Error(t, k.Consent(t.Context(), wrong, nil))
			_, err := k.AccessToken(t.Context(), wrong)
			require.Error(t, err)
		})
	}
}

// cancelling is a transport that cancels while a token request is under way.
type cancelling struct {
	cancel context.CancelFunc
	sent   atomic.Int32
}

func (c *cancelling) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent.Add(1)
	c.cancel()
	return http.DefaultTransport.RoundTrip(r)
}

// TestCancelledInTheMiddle: a rotation that has begun is saved, and none begins
// after the cancellation. An own transport is used for it.
func TestCancelledInTheMiddle(t *testing.T) {
	atl := emulatedFor(t)
	s := keeper.NewMemory(atl.clock.Now)
	ctx, cancel := context.WithCancel(t.Context())
	transport := &cancelling{cancel: cancel}
	own := *atl.client
	own.HTTPClient = &http.Client{Transport: transport}
	k := keeper.New(s, keeper.Options{Endpoint: &own, Now: atl.clock.Now})
	require.NoError(t, k.Consent(t.Context(), jira, atl.exchange))
	atl.clock.Advance(time.Hour)
	out := k.Tick(ctx, jira)
	require.Equal(t, keeper.Rotated, out.Action, out.Reason)
	require.EqualValues(t, 1, transport.sent.Load())
	access, err := k.AccessToken(t.Context(), jira)
	require.NoError(t, err)
	_, err = atl.client.AccessibleResources(t.Context(), access)
	require.NoError(t, err)

	atl.clock.Advance(time.Hour)
	out = k.Tick(ctx, jira)
	require.Equal(t, keeper.Failed, out.Action, out.Reason)
	require.EqualValues(t, 1, transport.sent.Load())
}

// TestDefaultDeadline: a caller without a deadline cannot be kept for ever by a
// store that hangs, and one with a deadline keeps it.
func TestDefaultDeadline(t *testing.T) {
	for name, own := range map[string]time.Duration{"none": 0, "the caller's": time.Hour} {
		t.Run(name, func(t *testing.T) {
			ctx, began := t.Context(), time.Now()
			if own > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, own)
				defer cancel()
			}
			asked := deadlines{Store: keeper.NewMemory(nil)}
			keeper.New(&asked, keeper.Options{}).Tick(ctx, jira)
			require.WithinDuration(t, began.Add(cmp.Or(own, 2*time.Minute)), asked.seen, time.Minute)
		})
	}
}

// deadlines is a store that notes the deadline of its calls.
type deadlines struct {
	keeper.Store
	seen time.Time
}

func (d *deadlines) Read(ctx context.Context, names ...string) (map[string]keeper.Entry, error) {
	d.seen, _ = ctx.Deadline()
	return d.Store.Read(ctx, names...)
}

// TestNoSecretShows: neither logs, outcomes nor errors hold a token.
func TestNoSecretShows(t *testing.T) {
	atl := emulatedFor(t)
	s := keeper.NewMemory(atl.clock.Now)
	var shown bytes.Buffer
	k := keeper.New(s, keeper.Options{Endpoint: atl.client, Now: atl.clock.Now, Log: slog.New(slog.NewJSONHandler(&shown, nil))})
	require.NoError(t, k.Consent(t.Context(), jira, atl.exchange))
	for range 3 {
		atl.clock.Advance(time.Hour)
		fmt.Fprintf(&shown, "%+v\n", k.Tick(t.Context(), jira))
	}
	require.Contains(t, shown.String(), "rotated")
	for _, name := range []string{jira.Names().RefreshToken, jira.Names().AccessToken} {
		history, err := s.History(t.Context(), name, 1)
		require.NoError(t, err)
		require.Len(t, history, 4)
		for _, e := range history {
			require.False(t, strings.Contains(shown.String(), e.Value.Reveal()), name)
		}
	}
}

// TestRefreshBefore: a connection says when it is rotated, within bounds.
func TestRefreshBefore(t *testing.T) {
	for name, tt := range map[string]struct {
		before, left time.Duration
		want         keeper.Action
	}{
		"by default not yet":        {0, 26 * time.Minute, keeper.Idle},
		"by default":                {0, 24 * time.Minute, keeper.Rotated},
		"earlier":                   {40 * time.Minute, 39 * time.Minute, keeper.Rotated},
		"never at once":             {5 * time.Hour, 59 * time.Minute, keeper.Idle},
		"but early, where so asked": {5 * time.Hour, 54 * time.Minute, keeper.Rotated},
	} {
		t.Run(name, func(t *testing.T) {
			atl := emulatedFor(t)
			k := keeper.New(keeper.NewMemory(atl.clock.Now), keeper.Options{Endpoint: atl.client, Now: atl.clock.Now})
			c := keeper.Connection{Name: "JIRA_", RefreshBefore: tt.before}
			require.NoError(t, k.Consent(t.Context(), c, atl.exchange))
			atl.clock.Advance(time.Hour - tt.left)
			out := k.Tick(t.Context(), c)
			require.Equal(t, tt.want, out.Action, out.Reason)
		})
	}
}
