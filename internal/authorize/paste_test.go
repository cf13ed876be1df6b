package authorize

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const (
	state = "canary-state-0123456789"
	code  = "eyJcanary.canary.canary"
	query = "?state=" + state + "&code=" + code
)

// If state and code are right, an address of the person's own machine is accepted
// and corrected. No part of it is ever shown.
func TestWhichPastedAddressesAnswer(t *testing.T) {
	for _, c := range []struct{ name, uri, pasted, want, says string }{
		{"as it is", "http://localhost", "http://localhost/" + query, "http://localhost" + query, ""},
		{"without TLS and back", "http://localhost", "https://localhost/" + query, "http://localhost" + query, ""},
		{"by number", "http://localhost:9000/cb", "http://127.0.0.1:9000/cb" + query, "http://localhost:9000/cb" + query, ""},
		{"with port 80", "http://localhost", "http://localhost:80/" + query, "http://localhost" + query, ""},
		{"with another port", "http://localhost:9000/cb", "http://localhost:9001/" + query, "http://localhost:9000/cb" + query, ""},
		{"without the scheme", "http://localhost:9000/cb", "localhost:9000/cb" + query, "http://localhost:9000/cb" + query, ""},
		{"in quotes", "http://localhost", `"http://localhost/` + query + `"`, "http://localhost" + query, ""},
		{"with blanks where it broke", "http://localhost", "http://localhost/?state=" + state + "&co  de=" + code, "http://localhost" + query, ""},
		{"refused", "http://localhost", "http://localhost/?error=access_denied&state=" + state, "http://localhost?error=access_denied&state=" + state, ""},
		{"hosted elsewhere", "https://a.example/x", "https://a.example/x" + query, "https://a.example/x" + query, ""},
		{"another host", "https://a.example/x", "https://b.example/x" + query, "", "does not lead to https://a.example/x"},
		{"this machine instead of another", "https://a.example/x", "http://localhost/x" + query, "", "does not lead to"},
		{"another machine instead of this", "http://localhost", "http://b.example/" + query, "", "does not lead to"},
		{"the address to open", "http://localhost", "https://auth.atlassian.com/authorize?client_id=x&state=" + state, "", "the address to open"},
		{"no answer", "http://localhost", "http://localhost/?state=" + state, "", "holds no answer"},
		{"another consent's", "http://localhost", "http://localhost/?state=canary&code=" + code, "", "another consent"},
		{"a code cut short", "http://localhost", "http://localhost/?state=" + state + "&code=eyJcanary.canary", "", "cut short"},
		{"something else", "http://localhost", "canary canary", "", "no address"},
		{"a broken query", "http://localhost", "http://localhost/?state=" + state + "&code=%zz", "", "holds no answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, problem := expected{atlassian.NewSecret(state), c.uri}.check(unwrapped(c.pasted))
			require.Equal(t, c.want, answer.Reveal())
			require.Contains(t, problem, c.says)
			require.Equal(t, c.says == "", problem == "")
			require.NotContains(t, problem, "canary")
		})
	}
}
