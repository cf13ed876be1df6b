package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// canary is a secret value. If it appears anywhere, that is a leak.
const canary = "C4nary-eyJhbGciOiJSUzI1NiJ9.Zm9v.YmFy-0123456789"

// requireNoLeak fails if text contains a part of the canary, plain or in one of the
// encodings that verbs produce.
func requireNoLeak(t testing.TB, text string) {
	t.Helper()
	for _, form := range []string{"C4nary", "eyJhbGci", "0123456789"} {
		for _, encoded := range []string{form, fmt.Sprintf("%x", form), fmt.Sprintf("%X", form), fmt.Sprintf("% x", form),
			strings.Trim(fmt.Sprint([]byte(form)), "[]"), strings.Trim(fmt.Sprintf("%#v", []byte(form)), "[]byte{}")} {
			if strings.Contains(text, encoded) {
				t.Fatal("a secret was printed (the text is withheld)")
			}
		}
	}
}

// The ways in which other values can contain a Secret.
type (
	exported   struct{ Token secret.Secret }
	unexported struct{ token secret.Secret }
	embedded   struct{ secret.Secret }
	deep       struct {
		inner []map[string]*unexported
		any   any
	}
)

func carriers() map[string]any {
	s := secret.New(canary)
	return map[string]any{
		"plain":              s,
		"pointer":            &s,
		"exported field":     exported{s},
		"pointer to struct":  &exported{s},
		"unexported field":   unexported{s},
		"pointer unexported": &unexported{s},
		"embedded":           embedded{s},
		"slice":              []secret.Secret{s},
		"array":              [1]secret.Secret{s},
		"map value":          map[string]secret.Secret{"k": s},
		"map key":            map[secret.Secret]int{s: 1},
		"deep":               deep{[]map[string]*unexported{{"k": {s}}}, unexported{s}},
		"interface":          []any{s, &s, unexported{s}},
		"app":                atlassian.App{ClientID: "id", ClientSecret: s},
		"token":              &atlassian.Token{Access: s, Refresh: s},
		"request":            atlassian.AuthorizeRequest{State: s},
	}
}

func TestSecretUnderEveryVerbAndFlag(t *testing.T) {
	for name, v := range carriers() {
		t.Run(name, func(t *testing.T) {
			for verb := 'A'; verb <= 'z'; verb++ {
				for _, flags := range []string{"", "+", "#", "-", " ", "0", "+#", "# ", "100", ".3", "-100.50", "[1]"} {
					requireNoLeak(t, fmt.Sprintf("%"+flags+string(verb), v))
				}
			}
			requireNoLeak(t, fmt.Sprint(v))
			requireNoLeak(t, fmt.Sprintln(v, v))
			for _, format := range []string{"no verb", "%*d", "%!", "%[2]d", "%d %"} { // a wrong format prints its operands
				requireNoLeak(t, fmt.Sprintf(format, v, 1))
			}
			requireNoLeak(t, fmt.Errorf("wrapped %v %w", v, errors.New("x")).Error())
			requireNoLeak(t, string(fmt.Append(nil, v)))
		})
	}
	require.Equal(t, "[redacted]", fmt.Sprintf("%v", secret.New(canary)))
	require.Equal(t, "{Token:[redacted]}", fmt.Sprintf("%+v", exported{secret.New(canary)}))
}

func TestSecretInEncodings(t *testing.T) {
	for name, v := range carriers() {
		t.Run(name, func(t *testing.T) {
			var stored bytes.Buffer
			for encoder, encode := range map[string]func() ([]byte, error){
				"JSON": func() ([]byte, error) { return json.Marshal(v) },
				"XML":  func() ([]byte, error) { return xml.Marshal(v) },
				"gob":  func() ([]byte, error) { return nil, gob.NewEncoder(&stored).Encode(v) },
			} {
				out, err := encode()
				requireNoLeak(t, string(out))
				requireNoLeak(t, fmt.Sprint(err))
				if !strings.Contains(name, "unexported") && name != "deep" { // no encoder reads those
					require.Error(t, err, encoder)
				}
				require.NotContains(t, string(out), "redacted")
			}
			requireNoLeak(t, stored.String())

			var log bytes.Buffer
			for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
				slog.New(h).With("with", v).Info("m", "any", v, slog.Group("g", "v", v))
			}
			require.Contains(t, log.String(), "g.v=")
			requireNoLeak(t, log.String())
		})
	}
	for _, v := range []any{secret.New(canary), secret.Secret{}, exported{secret.New(canary)}, atlassian.App{}, atlassian.AuthorizeRequest{}} {
		_, err := json.Marshal(v)
		require.ErrorContains(t, err, "encode what Reveal returns")
	}
	_, err := secret.New(canary).MarshalText()
	require.ErrorContains(t, err, "encode what Reveal returns")
	_, err = json.Marshal(map[string]any{"token": &atlassian.Token{Access: secret.New(canary)}})
	require.ErrorContains(t, err, "encode the values of Access.Reveal(), Refresh.Reveal() and ExpiresAt")
	require.Equal(t, "[redacted]", secret.New(canary).GoString())
	require.Equal(t, "[redacted]", secret.New(canary).String())
}

// A printed Secret must not be read back as a Secret.
func TestSecretIsNotReadFromJSON(t *testing.T) {
	var e exported
	require.Error(t, json.Unmarshal([]byte(`{"Token":"[redacted]"}`), &e))
	require.True(t, e.Token.IsZero())
}

func TestSecretKeepsItsValue(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 257, 1023, 1024, 1025, 1500, 4097, 8191, 8192, 8193, 70000} {
		t.Run(fmt.Sprintf("%d bytes", n), func(t *testing.T) {
			value := strings.Repeat("ab\x00\xff\n", n/5+1)[:n]
			s := secret.New(value)
			require.True(t, s.Reveal() == value)
			require.True(t, string(s.AppendReveal([]byte("before "))) == "before "+value)
			require.Equal(t, n, s.Len())
			require.Equal(t, n == 0, s.IsZero())
			require.True(t, s == secret.New(value), "equal values make equal secrets")
			require.False(t, s == secret.New(value+"x"))
		})
	}
	require.True(t, secret.New("") == secret.Secret{})
}
