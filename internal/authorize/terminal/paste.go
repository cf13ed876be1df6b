package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Pasted asks for a text that is pasted, such as an address. Nobody sees it. On a
// terminal, text that arrives at once is one answer, and its line ends are
// removed. Programs break long texts into lines, and the text after the first line
// would be shown. From a pipe it is one line.
func (t *Terminal) Pasted(ctx context.Context, prompt string) (atlassian.Secret, error) {
	if t.file == nil {
		return t.Secret(ctx, prompt)
	}
	if err := ctx.Err(); err != nil {
		return atlassian.Secret{}, err
	}
	text, err := t.raw(func() (string, error) {
		_, _ = io.WriteString(t.out, prompt)
		text, err := t.input.pasted(ctx)
		_, _ = io.WriteString(t.out, "\r\n")
		return text, err
	})
	if err == nil && len(text) >= maxPasted {
		err = ErrTooLong
	}
	if err != nil {
		return atlassian.Secret{}, err
	}
	return atlassian.NewSecret(strings.TrimSpace(text)), nil
}

// maxPasted is the length from which a pasted text counts as too long, in bytes.
const maxPasted = 4 * maxAnswer

// raw does something while the terminal hands over each key, and shows none.
func (t *Terminal) raw(do func() (string, error)) (answer string, err error) {
	fd := int(t.file.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("the terminal cannot be set up: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(fd, before)) }()
	t.input.drop()
	return do()
}

// The keys that are no text. An escape sequence is another key, or one of the marks
// that a terminal may send around a paste ("bracketed paste"); all are left out.
const (
	ctrlC     = 3
	ctrlD     = 4
	backspace = 8
	ctrlU     = 21
	escape    = 27
	del       = 127
)

// pasteSettles is how long input must be quiet after a line end for the answer to
// be complete.
const pasteSettles = 100 * time.Millisecond

// pasted reads until a line end after which nothing follows at once.
func (in *input) pasted(ctx context.Context) (string, error) {
	var p pasting
	for {
		if len(in.rest) == 0 {
			if quiet, err := in.more(ctx, p.ended); err != nil || quiet {
				return string(p.text), err
			}
		}
		for len(in.rest) > 0 {
			if in.rest[0] == escape {
				in.skip(ctx)
				continue
			}
			if p.add(in.rest[0]) {
				return "", ErrInterrupted
			}
			in.rest = in.rest[1:]
		}
	}
}

// pasting is the answer so far, and whether its last line has ended.
type pasting struct {
	text  []byte
	ended bool
}

// add does what a key says. interrupted: the person gives no answer.
func (p *pasting) add(key byte) (interrupted bool) {
	switch {
	case key == ctrlC, key == ctrlD && len(p.text) == 0:
		return true
	case key == '\r', key == '\n':
		p.ended = true
	case key == backspace, key == del:
		p.text = p.text[:max(0, len(p.text)-1)]
	case key == ctrlU:
		p.text, p.ended = nil, false
	case key >= ' ' && len(p.text) < maxPasted:
		p.text, p.ended = append(p.text, key), false
	}
	return false
}

// skip leaves out the escape sequence that the input begins with. Where its end is
// yet to come, skip waits for it.
func (in *input) skip(ctx context.Context) {
	n, whole := sequence(in.rest)
	if !whole {
		if quiet, err := in.more(ctx, true); err == nil && !quiet {
			return // more has arrived: it is looked at again
		}
	}
	in.rest = in.rest[n:]
}

// more waits for input; after the end of a line not for long, and quiet tells
// that nothing followed.
func (in *input) more(ctx context.Context, ended bool) (quiet bool, err error) {
	if !ended {
		return false, in.fill(ctx)
	}
	short, cancel := context.WithTimeout(ctx, pasteSettles)
	defer cancel()
	err = in.fill(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil || errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// sequence is the length of the escape sequence that keys begins with: a paste's
// mark, another key, or Escape alone. It is not whole if its end may follow.
func sequence(keys []byte) (n int, whole bool) {
	if len(keys) < 2 || keys[1] != '[' {
		return 1, len(keys) > 1
	}
	for i, key := range keys[2:] {
		if key >= '@' && key <= '~' {
			return i + 3, true
		}
	}
	return len(keys), false
}
