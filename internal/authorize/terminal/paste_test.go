package terminal_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
)

// A pasted text arrives as one answer, in whatever way it is pasted, and no part of
// it is shown.
func TestPasted(t *testing.T) {
	const text = "http://localhost/?state=canary&code=eyJcanary.canary"
	long := strings.Repeat("canary", 1500)
	for name, c := range map[string]struct{ keys, want string }{
		"typed with Enter":                    {text + "\r", text},
		"with a line end of its own":          {text + "\n", text},
		"with two line ends":                  {text + "\r\n\r", text},
		"broken over lines":                   {text[:20] + "\r" + text[20:30] + "\r\n" + text[30:] + "\r", text},
		"broken, with spaces before the rest": {text[:20] + "\r  " + text[20:] + "\r", text[:20] + "  " + text[20:]},
		"marked as a paste":                   {"\x1b[200~" + text + "\x1b[201~\r", text},
		"marked, with a line end":             {"\x1b[200~" + text + "\r\x1b[201~", text},
		"marked, broken over lines":           {"\x1b[200~" + text[:20] + "\r" + text[20:] + "\x1b[201~\r", text},
		"corrected":                           {"canaryx" + "\x15" + text + "x\x7f\r", text},
		"with an arrow key":                   {text + "\x1b[D\x1b[C\r", text},
		"long":                                {"\x1b[200~" + long + "\x1b[201~\r", long},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			before, err := term.GetState(int(d.tty.Fd()))
			require.NoError(t, err)
			go d.answer(t, "Address: ", c.keys)
			got, err := d.tm.Pasted(t.Context(), "Address: ")
			require.NoError(t, err)
			require.Equal(t, c.want, got.Reveal())
			require.NotContains(t, d.shown(), "canary")
			after, err := term.GetState(int(d.tty.Fd()))
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

func TestPastedIsGivenUp(t *testing.T) {
	for name, key := range map[string]string{"Ctrl-C": "half\x03", "Ctrl-D": "\x04"} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			go d.answer(t, "Address: ", key)
			_, err := d.tm.Pasted(t.Context(), "Address: ")
			require.ErrorIs(t, err, terminal.ErrInterrupted)
		})
	}
	d := newDesk(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := d.tm.Pasted(ctx, "Address: ")
	require.ErrorIs(t, err, context.DeadlineExceeded)

	d = newDesk(t)
	go d.answer(t, "Address: ", strings.Repeat("x", 20_000)+"\r")
	_, err = d.tm.Pasted(t.Context(), "Address: ")
	require.ErrorIs(t, err, terminal.ErrTooLong)
}

// From a pipe one line is one answer, so that the next is left for the next question.
func TestPastedFromAPipe(t *testing.T) {
	tm := terminal.New(strings.NewReader("one\ntwo\n"), io.Discard)
	for _, want := range []string{"one", "two"} {
		got, err := tm.Pasted(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, want, got.Reveal())
	}
}

// A terminal that marks pastes does not end the other questions.
func TestAMarkedPasteAnswersEveryQuestion(t *testing.T) {
	d := newDesk(t)
	go d.answer(t, "Client id: ", "\x1b[200~the-id\r\x1b[201~")
	id, err := d.tm.Line(t.Context(), "Client id: ")
	require.NoError(t, err)
	require.Equal(t, "the-id", id)
	go d.answer(t, "Client secret: ", "\x1b[200~canary\r\x1b[201~")
	secret, err := d.tm.Secret(t.Context(), "Client secret: ")
	require.NoError(t, err)
	require.Equal(t, "canary", secret.Reveal())
	require.NotContains(t, d.shown(), "canary")
}
