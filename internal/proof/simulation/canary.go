package simulation

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// canary is the log of all processes. It keeps nothing, and looks for secrets.
type canary struct {
	w *world
	// secret is the app's, and plain what it reveals.
	secret atlassian.Secret
	plain  string
}

// tokenMark begins every token of the emulator.
const tokenMark = "eyJ0eXAiOiJKV1Qi"

// clientSecret is the app's secret in plain text.
func (c *canary) clientSecret() string {
	if c.secret != c.w.secret {
		c.secret, c.plain = c.w.secret, c.w.secret.Reveal()
	}
	return c.plain
}

// look searches a text that leaves a process.
func (c *canary) look(text string) {
	if strings.Contains(text, tokenMark) || strings.Contains(text, c.clientSecret()) {
		c.leaks()
	}
}

// lookSecret searches a value that is stored in the open.
func (c *canary) lookSecret(value atlassian.Secret) {
	var stack [4096]byte
	text := value.AppendReveal(stack[:0])
	if bytes.Contains(text, []byte(tokenMark)) || bytes.Contains(text, []byte(c.clientSecret())) {
		c.leaks()
	}
}

func (c *canary) leaks() { c.w.oracle.count(&c.w.oracle.SecretsLeaked, "a secret leaks") }

func (c *canary) lookAttr(a slog.Attr) {
	switch a.Value.Kind() {
	case slog.KindString:
		c.look(a.Value.String())
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration, slog.KindTime:
	default:
		c.look(fmt.Sprintf("%+v", a.Value.Resolve().Any()))
	}
}

func (c *canary) Enabled(context.Context, slog.Level) bool { return true }

func (c *canary) Handle(_ context.Context, r slog.Record) error {
	c.look(r.Message)
	r.Attrs(func(a slog.Attr) bool { c.lookAttr(a); return true })
	if c.w.tracing() {
		text := "  log: " + r.Message
		r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
		c.w.note("%s", text)
	}
	return nil
}

func (c *canary) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		c.lookAttr(a)
	}
	return c
}

func (c *canary) WithGroup(string) slog.Handler { return c }
