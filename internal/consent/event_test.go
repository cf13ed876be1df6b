package consent_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestEventsComeBackAsTheyWere(t *testing.T) {
	s := atlassian.NewSecret[string]
	for _, r := range []interface{ Event() atlassian.Secret }{
		consent.BeginRequest{},
		consent.BeginRequest{Connection: "A_", Scopes: []string{"a", "b"}, RedirectURI: "https://x/callback", ClientID: "id", ClientSecret: s(`se"cret`)},
		consent.CompleteRequest{RedirectURL: s("http://localhost/?state=a&code=b"), Site: "x", Confirm: true, Connection: "A_"},
		consent.CompleteRequest{State: s("a"), Code: s("b")},
		consent.StatusRequest{},
		consent.StatusRequest{Connection: "A_"},
	} {
		got, err := consent.ParseEvent([]byte(r.Event().Reveal()))
		require.NoError(t, err)
		require.Equal(t, r, got)
	}
}

func TestForeignEventsAreRefused(t *testing.T) {
	for _, payload := range []string{``, `null`, `{}`, `[]`, `"begin"`, `{"action":"tick"}`, `{"Records":[]}`, `{"action":"begin","conection":"A_"}`,
		`{"action":"begin","scopes":"canary-value"}`, `{"action":"complete","confirm":"canary-value"}`, `{"action":"status","code":"canary-value"}`,
		`{"action":"complete","browser":"canary-value"}`, `{"action":"status"} {}`, `{"action":"status","connection":"` + strings.Repeat("a", 70_000) + `"}`} {
		_, err := consent.ParseEvent([]byte(payload))
		var e *consent.Error
		require.ErrorAs(t, err, &e, payload)
		require.Equal(t, consent.InvalidRequest, e.Type)
		require.NotContains(t, e.Message, "canary-value")
		require.Less(t, len(e.Message), 300)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"action":"begin","connection":"A_"}`))
	f.Add([]byte(`{"action":"complete","redirect_url":"http://localhost/?state=a&code=b"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if _, err := consent.ParseEvent(payload); err != nil && len(err.Error()) > 400 {
			t.Fatalf("an error of %d bytes repeats the event", len(err.Error()))
		}
	})
}
