package atlassian

import (
	"fmt"
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

		{"unsent", evidence{reach: unsent}, Transient, Transient},
		{"sent", evidence{reach: sent}, Ambiguous, Ambiguous},
		{"nothing known", evidence{}, Ambiguous, Ambiguous},
	} {
		for o, want := range map[op]Class{opRefresh: c.refresh, opExchange: c.exchange} {
			t.Run(string(o)+" "+c.name, func(t *testing.T) {
				c.e.op = o
				class, ok := classify(c.e)
				require.Equal(t, want == none, ok)
				if !ok {
					require.Equal(t, want, class, "it is %s", class)
				}
			})
		}
	}
}

func TestClassifyReads(t *testing.T) {
	for _, c := range []struct {
		name string
		e    evidence
		want Class
	}{
		{"unsent", evidence{reach: unsent}, Transient},
		{"sent", evidence{reach: sent}, Transient},
		{"200 with a broken body", evidence{reach: answered, status: 200}, Transient},
		{"401", evidence{reach: answered, status: 401}, Permanent},
		{"403", evidence{reach: answered, status: 403}, Configuration},
		{"404", evidence{reach: answered, status: 404, usable: true}, Configuration},
		{"302", evidence{reach: answered, status: 302}, Configuration},
		{"408", evidence{reach: answered, status: 408}, Transient},
		{"425", evidence{reach: answered, status: 425}, Transient},
		{"429", evidence{reach: answered, status: 429}, Transient},
		{"503", evidence{reach: answered, status: 503}, Transient},
	} {
		for _, o := range []op{opGet, opResources} {
			t.Run(string(o)+" "+c.name, func(t *testing.T) {
				c.e.op = o
				class, ok := classify(c.e)
				require.False(t, ok)
				require.Equal(t, c.want, class)
			})
		}
	}
	_, ok := classify(evidence{op: opGet, reach: answered, status: 204, usable: true})
	require.True(t, ok)
}

func TestClassNames(t *testing.T) {
	for class, name := range map[Class]string{
		Ambiguous: "ambiguous", Permanent: "permanent", Configuration: "configuration",
		Transient: "transient", RestartConsent: "restart_consent", Malformed: "malformed", Class(99): "ambiguous",
	} {
		t.Run(fmt.Sprintf("%d %s", class, name), func(t *testing.T) { require.Equal(t, name, class.String()) })
	}
}
