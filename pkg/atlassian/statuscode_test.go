package atlassian

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// oauthCodes are "" for a body without a code, those of RFC 6749 sections 5.2
// and 4.1.2.1, Atlassian's own, and one that nobody registered.
var oauthCodes = []string{"", "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope", "access_denied", "unsupported_response_type",
	"server_error", "temporarily_unavailable", "rate_limited", "unheard_of"}

// expectation is a row of the table below: what a status means with these
// codes. A code that a status does not list has the class under "*".
type expectation map[string]Class

// statusTable says for each 4xx what it means for a refresh token.
var statusTable = map[int]expectation{
	400: {"invalid_grant": Permanent,
		"invalid_client": Configuration, "unauthorized_client": Configuration, "unsupported_grant_type": Configuration,
		"invalid_scope": Configuration, "access_denied": Configuration,
		"server_error": Ambiguous, "temporarily_unavailable": Ambiguous, "*": Malformed},
	401: {"*": Configuration},
	403: {"invalid_grant": Permanent, "unauthorized_client": Permanent,
		"invalid_client": Configuration, "unsupported_grant_type": Configuration,
		"invalid_scope": Configuration, "access_denied": Configuration,
		"server_error": Ambiguous, "temporarily_unavailable": Ambiguous, "*": Malformed},
	407: {"*": Transient}, // a proxy's
	408: {"*": Ambiguous}, // says nothing of what the server did with what it had
	421: {"*": Transient}, // a server that is not responsible
	425: {"*": Transient}, // refused to begin
	429: {"*": Transient},
	460: {"*": Ambiguous}, // "the client went away": a load balancer's
	499: {"*": Ambiguous}, // the same, nginx
}

func (x expectation) of(code string) Class {
	if class, ok := x[code]; ok {
		return class
	}
	return x["*"]
}

// otherwise is for every 4xx that the table does not list.
var otherwise = expectation{"server_error": Ambiguous, "temporarily_unavailable": Ambiguous, "*": Malformed}

// Every 4xx with every code: what a refresh means by it, and what an exchange.
func TestEachStatusWithEachCode(t *testing.T) {
	for status := 400; status < 500; status++ {
		expected, listed := statusTable[status]
		if !listed {
			expected = otherwise
		}
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			for _, code := range oauthCodes {
				want := expected.of(code)
				e := evidence{op: opRefresh, reach: answered, status: status, code: code}
				class, ok := classify(e)
				require.False(t, ok)
				require.Equal(t, want, class, "refresh, %d %q is %s", status, code, class)

				// A code works once, and another is had from a new consent.
				if want == Permanent || status == 400 && code == "invalid_request" {
					want = RestartConsent
				}
				e.op = opExchange
				class, ok = classify(e)
				require.False(t, ok)
				require.Equal(t, want, class, "exchange, %d %q is %s", status, code, class)
			}
		})
	}
}

// Outside 4xx no code decides: a 5xx may come after the commit, from whomever.
func TestOtherStatusesAreAmbiguous(t *testing.T) {
	for status := 100; status < 1000; status++ {
		if status/100 == 4 {
			continue
		}
		for _, code := range oauthCodes {
			for _, o := range []op{opRefresh, opExchange} {
				for _, usable := range []bool{false, true} {
					class, ok := classify(evidence{op: o, reach: answered, status: status, code: code, usable: usable})
					require.Equal(t, status/100 == 2 && usable, ok)
					require.Equal(t, Ambiguous, class, "%d %q", status, code)
				}
			}
		}
	}
}

// A usable body makes no success of a refusal.
func TestABodyMakesNoSuccess(t *testing.T) {
	for status := 400; status < 600; status++ {
		_, ok := classify(evidence{op: opRefresh, reach: answered, status: status, usable: true})
		require.False(t, ok)
	}
}
