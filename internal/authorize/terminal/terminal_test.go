package terminal_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
)

func TestAPipeAnswersLineByLine(t *testing.T) {
	var out bytes.Buffer
	tm := terminal.New(strings.NewReader("  the id \r\nsecret\nno\nY\nseven\n2\nlast"), &out)
	require.False(t, tm.Interactive())
	ctx := t.Context()

	id, err := tm.Line(ctx, "Client id: ")
	require.NoError(t, err)
	require.Equal(t, "the id", id)
	secret, err := tm.Secret(ctx, "Client secret: ")
	require.NoError(t, err)
	require.Equal(t, "secret", secret.Reveal())
	for _, want := range []bool{false, true} {
		yes, err := tm.Confirm(ctx, "Sure?")
		require.NoError(t, err)
		require.Equal(t, want, yes)
	}
	chosen, err := tm.Choose(ctx, "Which?", []string{"a", "b"})
	require.NoError(t, err)
	require.Equal(t, 1, chosen)
	last, err := tm.Line(ctx, "")
	require.NoError(t, err)
	require.Equal(t, "last", last)
	_, err = tm.Line(ctx, "")
	require.ErrorIs(t, err, terminal.ErrEnded)
	require.NotContains(t, out.String(), "Client", "no prompt without a person")
}

func TestALineTooLongIsRefused(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 5000) + "\n", strings.Repeat("x", 50_000)} {
		_, err := terminal.New(strings.NewReader(text), io.Discard).Line(t.Context(), "")
		require.ErrorIs(t, err, terminal.ErrTooLong)
	}
	longest := strings.Repeat("x", 4095)
	line, err := terminal.New(strings.NewReader(longest+"\n"), io.Discard).Line(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, longest, line)
}

func TestAQuestionEndsWithItsContextAndLosesNothing(t *testing.T) {
	r, w := io.Pipe()
	tm := terminal.New(r, io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = w.Write([]byte("half"))
		cancel()
	}()
	_, err := tm.Line(ctx, "")
	require.ErrorIs(t, err, context.Canceled)
	go func() { _, _ = w.Write([]byte(" an answer\n")) }()
	line, err := tm.Line(t.Context(), "")
	require.NoError(t, err)
	require.Contains(t, line, "an answer")
}

// desk is a pseudo-terminal and what was shown on it.
type desk struct {
	tm       *terminal.Terminal
	keyboard *os.File
	tty      *os.File

	mu     sync.Mutex
	screen bytes.Buffer
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	keyboard, tty, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = keyboard.Close(); _ = tty.Close() })
	d := &desk{tm: terminal.New(tty, tty), keyboard: keyboard, tty: tty}
	go func() {
		buffer := make([]byte, 1024)
		for {
			n, err := keyboard.Read(buffer)
			d.mu.Lock()
			d.screen.Write(buffer[:n])
			d.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return d
}

func (d *desk) shown() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.screen.String()
}

// type waits until a prompt is shown, then types.
func (d *desk) answer(t *testing.T, prompt, keys string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(d.shown(), prompt) }, 5*time.Second, 5*time.Millisecond)
	_, err := d.keyboard.WriteString(keys)
	require.NoError(t, err)
}

func TestAPersonSeesWhatIsNotSecret(t *testing.T) {
	d := newDesk(t)
	require.True(t, d.tm.Interactive())
	before, err := term.GetState(int(d.tty.Fd()))
	require.NoError(t, err)

	go d.answer(t, "Client id: ", "the-idx\x7f\r")
	id, err := d.tm.Line(t.Context(), "Client id: ")
	require.NoError(t, err)
	require.Equal(t, "the-id", id)

	go d.answer(t, "Client secret: ", "hush-hush\r")
	secret, err := d.tm.Secret(t.Context(), "Client secret: ")
	require.NoError(t, err)
	require.Equal(t, "hush-hush", secret.Reveal())
	// More than the 1024 bytes that a terminal's own line editing may take.
	long := strings.Repeat("0123456789", 200)
	go d.answer(t, "Address: ", long+"\r")
	secret, err = d.tm.Secret(t.Context(), "Address: ")
	require.NoError(t, err)
	require.Equal(t, long, secret.Reveal())

	require.Contains(t, d.shown(), "the-id")
	require.NotContains(t, d.shown(), "hush")
	require.NotContains(t, d.shown(), "0123456789")
	after, err := term.GetState(int(d.tty.Fd()))
	require.NoError(t, err)
	require.Equal(t, before, after, "the terminal is as it was")
}

func TestInterruptionRestoresTheTerminal(t *testing.T) {
	for name, key := range map[string]string{"Ctrl-C": "half\x03", "Ctrl-D": "\x04"} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			before, err := term.GetState(int(d.tty.Fd()))
			require.NoError(t, err)
			go d.answer(t, "Secret: ", key)
			_, err = d.tm.Secret(t.Context(), "Secret: ")
			require.ErrorIs(t, err, terminal.ErrInterrupted)
			after, err := term.GetState(int(d.tty.Fd()))
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

func TestGivingUpAQuestionRestoresTheTerminal(t *testing.T) {
	d := newDesk(t)
	before, err := term.GetState(int(d.tty.Fd()))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		d.answer(t, "Address: ", "half an answer")
		cancel()
	}()
	_, err = d.tm.Secret(ctx, "Address: ")
	require.ErrorIs(t, err, context.Canceled)
	after, err := term.GetState(int(d.tty.Fd()))
	require.NoError(t, err)
	require.Equal(t, before, after)

	// The rest of it is no answer to the next question. The system's own line editing
	// may echo between two questions, which we cannot hide.
	_, err = d.keyboard.WriteString("the other half")
	require.NoError(t, err)
	go d.answer(t, "Which site? ", "2\r")
	line, err := d.tm.Line(t.Context(), "Which site? ")
	require.NoError(t, err)
	require.Equal(t, "2", line)
}

func TestPrintable(t *testing.T) {
	require.Equal(t, "[2Jacme é 文\nrest", terminal.Printable("\x1b[2Jac\x00me é 文\u202e\u009b\n\rrest"))
}
