package pages

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

func TestContact(t *testing.T) {
	for contact, reach := range map[string]string{
		"jira@example.com":                "mailto:jira@example.com",
		"https://example.com/help?a=b":    "https://example.com/help?a=b",
		"the service desk":                "",
		"Jira <jira@example.com>":         "",
		"javascript:alert(1)":             "",
		"http://example.com":              "",
		"":                                "",
		"https://a\"onmouseover=alert(1)": "https://a\"onmouseover=alert(1)",
	} {
		t.Run(contact, func(t *testing.T) {
			require.Equal(t, reach, Host{Contact: contact}.reach())
			var page bytes.Buffer
			require.NoError(t, pagesFor(Host{Organization: "<b>", Contact: contact})["home"].Execute(&page, nil))
			require.Contains(t, page.String(), "for &lt;b&gt;")
			require.NotContains(t, page.String(), `"onmouseover`)
			require.Equal(t, contact != "", bytes.Contains(page.Bytes(), []byte("If not, ask")))
		})
	}
}

// Every scope that is asked for by default has words.
func TestScopesInWords(t *testing.T) {
	for _, preset := range psoxy.Presets() {
		scopes, err := psoxy.Preset(preset)
		require.NoError(t, err)
		for _, scope := range scopes {
			require.NotEmpty(t, meanings[scope], scope)
		}
	}
}
