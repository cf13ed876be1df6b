package keeper_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A tick that may be the last one inside the leeway says so, for it is worth
// another try.
func TestUrgency(t *testing.T) {
	w := due(t)
	w.before = failing("write TOKEN_LEDGER")
	require.False(t, w.want(keeper.Failed).Urgent, "nothing is in doubt")
	w.before = failing("read")
	require.True(t, w.want(keeper.Failed).Urgent, "nothing is known")
	w.before, w.after = nil, crashing("post")
	w.tick()
	w.after = nil
	w.before = func(_ int, op string) error {
		if strings.HasPrefix(op, "write") {
			return errFault
		}
		return nil
	}
	w.clock.Advance(5 * time.Minute)
	require.True(t, w.outcome().Urgent)
}

// A token is in doubt while its app's secret is changed: the tick looks again
// for what a person stores a moment later.
func TestWrongCredentialsAreUrgentInDoubt(t *testing.T) {
	w := due(t)
	w.after = crashing("post")
	w.tick()
	w.after = nil
	w.clock.Advance(5 * time.Minute)
	right := w.get(names.ClientSecret).Value
	w.put(names.ClientSecret, "wrong")
	require.True(t, w.want(keeper.Misconfigured).Urgent)
	w.put(names.ClientSecret, right.Reveal())
	w.want(keeper.Replayed)
	w.requireKept()
}

func TestHealthyActions(t *testing.T) {
	for action, healthy := range map[keeper.Action]bool{
		keeper.Idle: true, keeper.Rotated: true, keeper.Replayed: true, keeper.Restored: true, keeper.AwaitingConsent: true, keeper.Contended: true,
		keeper.Refused: false, keeper.Misconfigured: false, keeper.InDoubt: false, keeper.Failed: false, keeper.Postponed: false, "": false,
	} {
		require.Equal(t, healthy, action.Healthy(), action)
	}
}

func TestNoSecretInLogsOrReports(t *testing.T) {
	w := newWorld(t)
	tokens := w.consent()
	w.want(keeper.Rotated)
	w.clock.Advance(40 * time.Minute)
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop, Times: 2}))
	reason := w.want(keeper.Replayed).Reason
	w.put(names.RefreshToken, `"`+tokens.Refresh.Reveal()+`"`)
	out := w.want(keeper.Restored)
	w.put(names.RefreshToken, "a-t0ken-that-n0body-has-ever-issued-to-anybody")
	out2, _ := w.tick()
	secrets := []string{tokens.Access.Reveal(), tokens.Refresh.Reveal(), w.fix.App.ClientSecret.Reveal(), "that-nobody-has-ever",
		w.get(names.RefreshToken).Value.Reveal(), w.get(names.AccessToken).Value.Reveal()}
	require.NotEmpty(t, w.logs.String())
	for _, s := range secrets {
		require.NotContains(t, w.logs.String()+reason+out.Reason+out.Foreign+out2.Reason+out2.Foreign, s)
	}
}

// The stored form of ACCESS_TOKEN is kept: psoxy's JSON is never silently replaced.
func TestTheFormOfTheAccessTokenIsKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		format psoxy.AccessFormat
		stored bool
		want   string
	}{
		{"as stored, psoxy's", psoxy.AsStored, true, `^\{"token"`},
		{"as stored, raw", psoxy.AsStored, false, `^eyJ`},
		{"raw, as configured", psoxy.Raw, true, `^eyJ`},
		{"psoxy's, as configured", psoxy.JSON, false, `^\{"token"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.policy.AccessFormat = c.format
			tokens := w.consent()
			if c.stored {
				w.put(names.AccessToken, psoxy.JSON.EncodeAccessToken(tokens.Access, w.clock.Now().Add(time.Hour)).Reveal())
				w.clock.Advance(40 * time.Minute)
			}
			w.tick()
			require.Regexp(t, c.want, w.get(names.AccessToken).Value.Reveal())
			w.remove(names.AccessToken)
			w.ticks(1)
			require.NotZero(t, w.get(names.AccessToken).Version)
		})
	}
}

// What only a person can mend does not keep the tick busy: it is not tried again
// within the invocation.
func TestWhatAPersonMustMendIsNotUrgent(t *testing.T) {
	for name, given := range map[string]func(*world){
		"a placeholder instead of a token": func(w *world) {
			w.remove(names.RefreshToken)
			w.put(names.RefreshToken, "CHANGE_ME")
		},
		"the family's age may not be read": func(w *world) {
			w.put(names.Family, "{}")
			w.unreadable = map[string]error{names.Family: store.ErrDenied}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			given(w)
			out, _ := w.tick()
			require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
			require.False(t, out.Urgent)
		})
	}
}
