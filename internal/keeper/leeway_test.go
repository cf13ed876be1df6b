package keeper_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Answers that say that nothing was spent may stand in the place of one that was committed,
// also when others came before it. Each attempt gets another one inside its leeway.
func TestEveryAttemptGetsAnotherInItsLeeway(t *testing.T) {
	for _, answers := range []string{
		"401 invalid_client,401 invalid_client,401 invalid_client!", "400 invalid_request,400 invalid_request,400 invalid_request!",
		"404,404,404!", "403,403,403!", "400 invalid_scope,400 invalid_scope,400 invalid_scope!",
		"421!,421!,421!,404!", "407!,400 invalid_scope!,400 invalid_scope!", "403!,400 invalid_grant!,403!",
		"403 unauthorized_client,403 unauthorized_client!", "403 unauthorized_client!,403 unauthorized_client!",
		"400 invalid_grant!,400 invalid_grant!", "401!,401!", "403!,403!", "404!,404!",
	} {
		t.Run(answers, func(t *testing.T) {
			w := due(t)
			w.client.HTTPClient = &http.Client{Transport: &sequence{answers: strings.Split(answers, ",")}}
			everyTwoMinutes(w, 2*time.Hour)
			require.Nil(t, w.em.Families()[0].Death)
			w.requireKept()
		})
	}
}

// So does it with the rarest ticks that the schedule may be given.
func TestEveryAttemptGetsAnotherWithRareTicks(t *testing.T) {
	for _, answers := range []string{"404,426,403!", "401,401 invalid_client,401 access_denied!", "413,400 invalid_scope,400 invalid_scope!"} {
		w := due(t)
		w.client.HTTPClient = &http.Client{Transport: &sequence{answers: strings.Split(answers, ",")}}
		w.ticks(24)
		require.Nil(t, w.em.Families()[0].Death)
		w.requireKept()
	}
}

// What a gateway refuses for hours under a code of its own, or that Atlassian has not
// documented, says nothing of the token.
func TestAGatewaysErrorIsNoRefusal(t *testing.T) {
	for _, code := range []string{"404 not_found", "403 forbidden", "405 method_not_allowed", "410 gone", "451 blocked", "402 payment_required", "422 unprocessable_entity"} {
		t.Run(code, func(t *testing.T) {
			w := due(t)
			s := &sequence{answers: make([]string, 100)}
			for i := range s.answers {
				s.answers[i] = code
			}
			w.client.HTTPClient = &http.Client{Transport: s}
			everyTwoMinutes(w, 4*time.Hour)
			require.Less(t, s.asked, 12, "it gets rarer")
			require.False(t, w.ledger().Record.Refused())
		})
	}
}

// A rate limit that outlives the access token is not met with a request at every tick.
func TestARateLimitWithoutAnEnd(t *testing.T) {
	w := due(t)
	s := &script{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {"3600"}}, times: 1000}
	w.client.HTTPClient = &http.Client{Transport: s}
	everyTwoMinutes(w, 5*time.Hour)
	require.Less(t, s.asked, 80)
	require.Greater(t, s.asked, 20, "nor is it obeyed for ever")
}

// claimed is a token with these claims.
func claimed(claims map[string]any, salt any) string {
	b, _ := json.Marshal(claims)
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part(b) + "." + part(fmt.Append(nil, salt, salt))
}

// Claims are read where they help, and never needed. Atlassian's clock was wrong for a while,
// or each token names another chain: every answer holds the successor all the same.
func TestClaimsDoNotVetoEverySuccessor(t *testing.T) {
	const chain = "https://id.atlassian.com/refresh_chain_id"
	for name, claims := range map[string]func(w *world, n int) map[string]any{
		"the clock was ahead": func(w *world, n int) map[string]any {
			at := w.clock.Now()
			if n >= 5 && n < 7 {
				at = at.Add(time.Hour)
			}
			return map[string]any{"iat": at.Unix(), chain: "c"}
		},
		"a chain for each token": func(w *world, n int) map[string]any {
			return map[string]any{"iat": w.clock.Now().Unix(), chain: fmt.Sprint("c", n)}
		},
		"another chain from now on": func(w *world, n int) map[string]any {
			return map[string]any{"iat": w.clock.Now().Unix(), chain: fmt.Sprint("c", n > 3)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.consent()
			w.client.HTTPClient = &http.Client{Transport: &rewriter{change: func(n int, pair map[string]any) {
				pair["refresh_token"] = claimed(claims(w, n), pair["refresh_token"])
			}}}
			everyTwoMinutes(w, 5*time.Hour)
			require.Nil(t, w.em.Families()[0].Death)
		})
	}
}

// A refusal comes after hours of other failures. It is asked about as early as any other.
func TestARefusalAfterHoursOfFailures(t *testing.T) {
	w := due(t)
	w.client.HTTPClient = &http.Client{Transport: &script{status: http.StatusUnauthorized, body: `{"error":"invalid_client"}`, times: 1000}}
	everyTwoMinutes(w, 5*time.Hour)
	w.client.HTTPClient = &http.Client{Transport: &sequence{answers: []string{"403 unauthorized_client", "403 unauthorized_client", "403 unauthorized_client"}}}
	everyTwoMinutes(w, 2*time.Hour+10*time.Minute)
	w.requireKept()
}
