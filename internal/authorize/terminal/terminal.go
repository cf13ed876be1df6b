// Package terminal asks a person. On a terminal it prompts, and hides secrets.
// From a pipe or a file, each question takes one line, and no prompt is shown.
//
// Every question ends with its context, at Ctrl-C and at the end of the input, and
// leaves the terminal as it was. On a terminal, input from before a question is
// dropped. It may be the rest of a secret for the question before.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/term"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Errors of questions that got no answer.
var (
	// ErrInterrupted: Ctrl-C or Ctrl-D was pressed.
	ErrInterrupted = errors.New("interrupted")
	// ErrEnded: the input has no further line.
	ErrEnded = errors.New("the input ended before this question was answered")
	// ErrTooLong: the answer is longer than any that is expected.
	ErrTooLong = fmt.Errorf("the answer has more than %d characters: something else was pasted", maxAnswer-1)
)

// maxAnswer is the length from which an answer counts as too long, in bytes.
// The line editor drops what exceeds 4096 characters without a word.
const maxAnswer = 4096

// Terminal is where questions are asked. Its questions must not be asked at the
// same time.
type Terminal struct {
	out   io.Writer
	input *input
	// file is the terminal; nil if the input is not a terminal.
	file *os.File
}

// New returns a Terminal that reads answers from in and shows prompts on out.
func New(in io.Reader, out io.Writer) *Terminal {
	t := &Terminal{out: out, input: newInput(in)}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.file = f
	}
	return t
}

// Interactive reports whether a person sits at the input.
func (t *Terminal) Interactive() bool { return t.file != nil }

// Say shows a message.
func (t *Terminal) Say(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// Printable removes from a text what could move a terminal's cursor or turn the
// text around, and keeps line breaks. It is for texts in which there are names
// and addresses that come from outside.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// Line asks for a line, which is seen while it is typed. The answer is trimmed.
func (t *Terminal) Line(ctx context.Context, prompt string) (string, error) {
	return t.ask(ctx, prompt, true)
}

// Secret asks for a line that nobody sees. The answer is trimmed.
func (t *Terminal) Secret(ctx context.Context, prompt string) (atlassian.Secret, error) {
	answer, err := t.ask(ctx, prompt, false)
	return atlassian.NewSecret(answer), err
}

// Confirm asks a question whose answer is yes only if it is y or yes.
func (t *Terminal) Confirm(ctx context.Context, question string) (bool, error) {
	answer, err := t.Line(ctx, question+" [y/N] ")
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes", err
}

// Choose lists options and asks for the number of one, until one is given. It
// returns its index.
func (t *Terminal) Choose(ctx context.Context, question string, options []string) (int, error) {
	for i, o := range options {
		t.Say("  %d  %s", i+1, o)
	}
	for {
		answer, err := t.Line(ctx, fmt.Sprintf("%s [1-%d] ", question, len(options)))
		if err != nil {
			return 0, err
		}
		if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(options) {
			return n - 1, nil
		}
		t.Say("That is not one of them.")
	}
}

func (t *Terminal) ask(ctx context.Context, prompt string, echo bool) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	var answer string
	var err error
	if t.file == nil {
		answer, err = t.input.line(ctx)
	} else {
		answer, err = t.edit(ctx, prompt, echo)
	}
	if err == nil && len(answer) >= maxAnswer {
		err = ErrTooLong
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(answer), nil
}

// edit asks in raw mode. The terminal's own line editing would cut an address at
// 1024 bytes on some systems.
func (t *Terminal) edit(ctx context.Context, prompt string, echo bool) (answer string, err error) {
	return t.raw(func() (string, error) {
		t.input.ctx = ctx
		editor := term.NewTerminal(stream{t}, prompt)
		if width, height, err := term.GetSize(int(t.file.Fd())); err == nil && width > 0 {
			_ = editor.SetSize(width, height)
		}
		if echo {
			answer, err = editor.ReadLine()
		} else {
			answer, err = editor.ReadPassword(prompt)
		}
		if err == nil || errors.Is(err, term.ErrPasteIndicator) {
			return answer, nil // also where the terminal marked it as pasted
		}
		_, _ = io.WriteString(t.out, "\r\n")
		if errors.Is(err, io.EOF) {
			err = ErrInterrupted
		}
		return "", err
	})
}

// stream is what the line editor reads and writes.
type stream struct{ t *Terminal }

// Read implements io.Reader.
func (s stream) Read(p []byte) (int, error) { return s.t.input.Read(p) }

// Write implements io.Writer.
func (s stream) Write(p []byte) (int, error) { return s.t.out.Write(p) }
