package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// receivedBy notes the app that received the newest tokens.
func receivedBy(clientID string) given {
	return func(s *family.Snapshot) { s.State.Record.Client = fp(clientID) }
}

// Another app is known by its id, where it is known who received the tokens. What the right
// app was refused is no matter of credentials.
func TestOtherApp(t *testing.T) {
	for _, c := range []struct {
		name  string
		given given
		other bool
	}{
		{"nobody knows who received them", func(*family.Snapshot) {}, false},
		{"the same app", receivedBy("client-id"), false},
		{"another", receivedBy("the-right-app"), true},
		{"the same, with another secret", all(receivedBy("client-id"), func(s *family.Snapshot) { s.ClientSecret.Value = secret("another") }), false},
		{"it is not filled in", all(receivedBy("client-id"), func(s *family.Snapshot) { s.ClientID = field(psoxy.Unfilled, 2, now) }), false},
		{"a consent's, not published yet", all(receivedBy("consents-id"), func(s *family.Snapshot) {
			s.State.App = &atlassian.App{ClientID: "consents-id", ClientSecret: secret("consents-secret")}
			s.State.Record.AuthorizedAt = now
		}), false},
		{"refused before", all(failed(atlassian.Permanent, time.Minute, 1), receivedBy("the-right-app")), false},
		{"throttled before", all(failed(atlassian.Transient, time.Minute, 1), receivedBy("the-right-app")), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			c.given(&s)
			require.Equal(t, c.other, family.OtherApp(s) != "")
		})
	}
}

// Another app's refusal waits as wrong credentials do, and the reason names the app. A
// candidate may be that app's own.
func TestAnotherAppWaits(t *testing.T) {
	refused := all(failed(atlassian.Configuration, 210*time.Second-nano, 1), receivedBy("the-right-app"))
	d := decide(refused)
	requireAction(t, family.Misconfigured, d)
	require.Contains(t, d.Reason, "CLIENT_ID belongs to another app than the refresh token")
	requireAction(t, family.Rotate, decide(refused, func(s *family.Snapshot) { s.State.Record.LastFailure.At = now.Add(-210 * time.Second) }))
	requireAction(t, family.Rotate, decide(refused, func(s *family.Snapshot) { s.ClientID.Value = secret("the-right-app") }))

	d = decide(receivedBy("the-right-app"), inbox(refresh(109)), func(s *family.Snapshot) {
		s.State.Inbox.Failure = &family.Failure{Class: "configuration", At: now.Add(-minute), Since: now.Add(-minute), Count: 1, Token: fp(refresh(109)), Credentials: s.Credentials()}
	})
	requireAction(t, family.Misconfigured, d)
	require.Contains(t, d.Reason, "Atlassian refused the app's credentials")
}

// Who received the newest tokens is written down with them. Of an adopted token it is not
// known.
func TestWhoReceivedTheTokens(t *testing.T) {
	s := healthy()
	receivedBy("another")(&s)
	require.Equal(t, fp("client-id"), s.Received(pair(8, now), family.Field{}).Record.Client)
	require.Equal(t, fp("client-id"), s.Received(pair(8, now), field(refresh(109), 9, now)).Record.Client)
	require.Equal(t, fp("client-id"), s.Consented(pair(50, now), family.DefaultPolicy()).Record.Client)

	told := s.State.Record.Encode()
	for _, c := range []struct {
		name, token string
		want        family.Fingerprint
	}{
		{"the token that TOKEN_FAMILY names", refresh(7), fp("another")},
		{"another token", refresh(9), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			state, why := adopt(past(c.token), []store.Entry{{Value: told, Version: 1}})
			require.Empty(t, why)
			require.Equal(t, c.want, state.Record.Client)
		})
	}
	require.NotContains(t, record().Encode().Reveal(), `"client"`)
}
