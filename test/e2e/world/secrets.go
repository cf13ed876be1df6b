package world

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/proxy"
)

// Leaks searches for every secret of the test in everything that the function has
// shown: its output, answers and errors, its metrics and plain parameters, and the
// headers of all its requests. Each finding names the place and the kind of secret,
// and not the secret.
func (w *World) Leaks() []string {
	places := []struct{ name, text string }{{"the log", w.Function.Logs()}}
	add := func(name, text string) {
		places = append(places, struct{ name, text string }{name, text})
	}
	w.mu.Lock()
	secrets := slices.Clone(w.secrets)
	for _, p := range w.payloads {
		add("an answer", p)
	}
	w.mu.Unlock()
	for _, c := range w.Atlassian.Calls() {
		add("the head of a request to Atlassian", head(c))
		secrets = append(secrets, tokensIn(c.Request)...)
		secrets = append(secrets, tokensIn(c.Answer)...)
	}
	for _, c := range w.AWS.Calls() {
		add("the head of "+c.Operation, head(c))
		if !strings.Contains(string(c.Request), `"SecureString"`) && c.Status != http.StatusBadRequest { // a refused call left nothing
			add("the body of "+c.Operation, string(c.Request))
		}
	}
	return search(places, secrets)
}

func search(places []struct{ name, text string }, secrets []string) []string {
	forms := map[string]string{}
	for _, secret := range secrets {
		for form, text := range Forms(secret) {
			forms[text] = form
		}
	}
	var found []string
	for text, form := range forms {
		for _, place := range places {
			if strings.Contains(place.text, text) {
				found = append(found, fmt.Sprintf("a secret leaked into %s, as %s", place.name, form))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// Forms are the texts that betray a secret: itself, its encodings at any offset of
// an encoded text, and the telling parts of a JWT.
func Forms(secret string) map[string]string {
	forms := map[string]string{
		"itself":      secret,
		"URL-encoded": url.QueryEscape(secret),
		"hex":         hex.EncodeToString([]byte(secret)),
	}
	if quoted, err := json.Marshal(secret); err == nil {
		forms["JSON"] = strings.Trim(string(quoted), `"`)
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for offset := range 3 {
			// The first and last characters depend on what stands beside the secret.
			text := encoding.EncodeToString(append(make([]byte, offset), secret...))
			forms[fmt.Sprintf("%s at offset %d", name, offset)] = text[(offset*8+5)/6 : len(text)-1]
		}
	}
	if parts := strings.Split(secret, "."); len(parts) == 3 && len(parts[2]) >= 32 {
		forms["a JWT's claims"], forms["a JWT's signature"] = parts[1], parts[2]
		forms["the start of a JWT's signature"], forms["a token's end"] = parts[2][:16], parts[2][len(parts[2])-16:]
	}
	return forms
}

// tokensIn returns the secrets in a token request or answer.
func tokensIn(body []byte) []string {
	var fields map[string]any
	if json.Unmarshal(body, &fields) != nil {
		return nil
	}
	var secrets []string
	for _, name := range []string{"access_token", "refresh_token", "client_secret"} {
		if s, ok := fields[name].(string); ok && len(s) >= 16 {
			secrets = append(secrets, s)
		}
	}
	return secrets
}

// head is a call without its body. A question for sites carries the access token in
// the one header that is for it.
func head(c proxy.Call) string {
	var b strings.Builder
	b.WriteString(c.Target)
	header := c.Header.Clone()
	if c.Operation == SitesEndpoint {
		header.Del("Authorization")
	}
	_ = header.Write(&b)
	return b.String()
}
