package atlassian

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// oauthCodes are "" (a body without a code), the codes of RFC 6749 sections 5.2 and
// 4.1.2.1, Atlassian's own, and an unregistered one.
var oauthCodes = []string{"", "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope", "access_denied", "unsupported_response_type",
	"server_error", "temporarily_unavailable", "rate_limited", "unheard_of"}

// expectation is a row of the table below: what a status means with these codes.
// Every other code has the class under "*".
type expectation map[string]Class

// statusTable says what each 4xx means for a refresh token.
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
	407: {"*": Transient}, // from a proxy
	408: {"*": Ambiguous}, // does not say what the server did before
	421: {"*": Transient}, // from a server that is not responsible
	425: {"*": Transient}, // the server did not begin
	429: {"*": Transient},
	460: {"*": Ambiguous}, // "the client closed the connection", from a load balancer
	499: {"*": Ambiguous}, // the same, from nginx
}

func (x expectation) of(code string) Class {
	if class, ok := x[code]; ok {
		return class
	}
	return x["*"]
}

// otherwise is the row of every 4xx that the table does not list.
var otherwise = expectation{"server_error": Ambiguous, "temporarily_unavailable": Ambiguous, "*": Malformed}

// Every 4xx with every code, for a refresh and for an exchange.
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

				// A new consent gives another code.
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

// Outside 4xx no code counts. A 5xx may come after the commit, and from any server.
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

// A refusal with a usable body is not a success.
func TestRefusalWithAUsableBody(t *testing.T) {
	for status := 400; status < 600; status++ {
		_, ok := classify(evidence{op: opRefresh, reach: answered, status: status, usable: true})
		require.False(t, ok)
	}
}
