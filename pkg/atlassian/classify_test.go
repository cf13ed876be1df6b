package atlassian

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClassifyTokenRequests(t *testing.T) {
	none := Class(-1) // success
	for _, c := range []struct {
		name              string
		e                 evidence
		refresh, exchange Class
	}{
		{"a pair", evidence{reach: answered, status: 200, usable: true}, none, none},
		{"a pair with 201", evidence{reach: answered, status: 201, usable: true}, none, none},
		{"200 without a pair", evidence{reach: answered, status: 200}, Ambiguous, Ambiguous},
		{"204", evidence{reach: answered, status: 204}, Ambiguous, Ambiguous},
		{"redirect", evidence{reach: answered, status: 307}, Ambiguous, Ambiguous},
		{"redirect with a pair", evidence{reach: answered, status: 302, usable: true}, Ambiguous, Ambiguous},

		{"the refusal seen in practice", evidence{reach: answered, status: 403, code: "unauthorized_client"}, Permanent, RestartConsent},
		{"the documented refusal", evidence{reach: answered, status: 403, code: "invalid_grant"}, Permanent, RestartConsent},
		{"the RFC's refusal", evidence{reach: answered, status: 400, code: "invalid_grant"}, Permanent, RestartConsent},
		{"malformed", evidence{reach: answered, status: 400, code: "invalid_request"}, Permanent, RestartConsent},
		{"403 page", evidence{reach: answered, status: 403}, Ambiguous, Ambiguous},
		{"403 unknown code", evidence{reach: answered, status: 403, code: "forbidden"}, Ambiguous, Ambiguous},
		{"403 malformed", evidence{reach: answered, status: 403, code: "invalid_request"}, Ambiguous, Ambiguous},
		{"400 page", evidence{reach: answered, status: 400}, Ambiguous, Ambiguous},
		{"400 unauthorized_client", evidence{reach: answered, status: 400, code: "unauthorized_client"}, Ambiguous, Ambiguous},
		{"404", evidence{reach: answered, status: 404}, Ambiguous, Ambiguous},
		{"404 invalid_grant", evidence{reach: answered, status: 404, code: "invalid_grant"}, Ambiguous, Ambiguous},
		{"408", evidence{reach: answered, status: 408}, Ambiguous, Ambiguous},
		{"418", evidence{reach: answered, status: 418}, Ambiguous, Ambiguous},

		{"wrong client", evidence{reach: answered, status: 401, code: "access_denied"}, Configuration, Configuration},
		{"401 invalid_client", evidence{reach: answered, status: 401, code: "invalid_client"}, Configuration, Configuration},
		{"401 with a refusal's code", evidence{reach: answered, status: 401, code: "unauthorized_client"}, Configuration, Configuration},
		{"401 page", evidence{reach: answered, status: 401}, Configuration, Configuration},
		{"inactive user", evidence{reach: answered, status: 403, code: "access_denied"}, Configuration, Configuration},
		{"400 invalid_client", evidence{reach: answered, status: 400, code: "invalid_client"}, Configuration, Configuration},
		{"403 invalid_client", evidence{reach: answered, status: 403, code: "invalid_client"}, Configuration, Configuration},

		{"429", evidence{reach: answered, status: 429}, Transient, Transient},
		{"429 with a refusal's code", evidence{reach: answered, status: 429, code: "invalid_grant"}, Transient, Transient},
		{"unsent", evidence{reach: unsent}, Transient, Transient},
		{"sent", evidence{reach: sent}, Ambiguous, Ambiguous},
		{"nothing known", evidence{}, Ambiguous, Ambiguous},
	} {
		for o, want := range map[op]Class{opRefresh: c.refresh, opExchange: c.exchange} {
			c.e.op = o
			class, ok := classify(c.e)
			require.Equal(t, want == none, ok, "%s: %s", o, c.name)
			if !ok {
				require.Equal(t, want, class, "%s: %s is %s", o, c.name, class)
			}
		}
	}
}

// Whatever comes back, a class must be justified by what was proven.
func TestClassifyIsCautious(t *testing.T) {
	codes := []string{"", "access_denied", "invalid_grant", "invalid_client", "invalid_request",
		"unauthorized_client", "server_error", "temporarily_unavailable", "unheard_of"}
	for status := 100; status < 1000; status++ {
		for _, code := range codes {
			for _, usable := range []bool{false, true} {
				for _, o := range []op{opRefresh, opExchange} {
					class, ok := classify(evidence{op: o, reach: answered, status: status, code: code, usable: usable})
					require.Equal(t, status/100 == 2 && usable, ok)
					if ok {
						continue
					}
					switch {
					case status >= 500, status < 400:
						require.Equal(t, Ambiguous, class, "%d %s", status, code)
					case class == Permanent:
						require.NotEmpty(t, code, "a refusal takes a code: %d", status)
						require.Equal(t, opRefresh, o)
						require.Contains(t, []int{400, 403}, status)
					case class == RestartConsent:
						require.Equal(t, opExchange, o)
					case class == Transient:
						require.Equal(t, http.StatusTooManyRequests, status)
					}
				}
			}
		}
	}
}

func TestClassifyReads(t *testing.T) {
	for _, c := range []struct {
		e    evidence
		want Class
	}{
		{evidence{reach: unsent}, Transient},
		{evidence{reach: sent}, Transient},
		{evidence{reach: answered, status: 200}, Transient}, // broken body
		{evidence{reach: answered, status: 401}, Permanent},
		{evidence{reach: answered, status: 403}, Configuration},
		{evidence{reach: answered, status: 404, usable: true}, Configuration},
		{evidence{reach: answered, status: 302}, Configuration},
		{evidence{reach: answered, status: 408}, Transient},
		{evidence{reach: answered, status: 425}, Transient},
		{evidence{reach: answered, status: 429}, Transient},
		{evidence{reach: answered, status: 503}, Transient},
	} {
		for _, o := range []op{opGet, opResources} {
			c.e.op = o
			class, ok := classify(c.e)
			require.False(t, ok)
			require.Equal(t, c.want, class, "%+v", c.e)
		}
	}
	_, ok := classify(evidence{op: opGet, reach: answered, status: 204, usable: true})
	require.True(t, ok)
}

func TestClassNames(t *testing.T) {
	for class, name := range map[Class]string{
		Ambiguous: "ambiguous", Permanent: "permanent", Configuration: "configuration",
		Transient: "transient", RestartConsent: "restart_consent", Class(99): "ambiguous",
	} {
		require.Equal(t, name, class.String())
	}
}
