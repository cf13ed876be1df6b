package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// input reads ahead in the background. So a question can end before its answer,
// and later input is not lost.
type input struct {
	source io.Reader
	once   sync.Once
	chunks chan []byte
	// rest is received and not consumed.
	rest []byte
	// err is why there are no more chunks; set before chunks is closed.
	err error
	// ctx ends a Read.
	ctx context.Context
}

func newInput(source io.Reader) *input {
	return &input{source: source, chunks: make(chan []byte)}
}

// pump runs until the source ends, or for as long as the process.
func (in *input) pump() {
	defer close(in.chunks)
	for {
		buffer := make([]byte, 4096)
		n, err := in.source.Read(buffer)
		if n > 0 {
			in.chunks <- buffer[:n]
		}
		if err != nil {
			in.err = err
			return
		}
	}
}

// fill waits for input.
func (in *input) fill(ctx context.Context) error {
	in.once.Do(func() { go in.pump() })
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case chunk, ok := <-in.chunks:
		if !ok {
			return in.err
		}
		in.rest = append(in.rest, chunk...)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle is how long input must be quiet before all of it counts as dropped.
const settle = 20 * time.Millisecond

// drop throws away what was typed so far.
func (in *input) drop() {
	in.once.Do(func() { go in.pump() })
	for in.rest = nil; ; {
		select {
		case _, open := <-in.chunks:
			if !open {
				return
			}
		case <-time.After(settle):
			return
		}
	}
}

// Read implements io.Reader for the line editor; it ends with in.ctx.
func (in *input) Read(p []byte) (int, error) {
	if len(in.rest) == 0 {
		if err := in.fill(in.ctx); err != nil {
			return 0, err
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// line returns the next line without its end. The last one need not have any.
func (in *input) line(ctx context.Context) (string, error) {
	for {
		if i := bytes.IndexByte(in.rest, '\n'); i >= 0 {
			line := string(in.rest[:i])
			in.rest = in.rest[i+1:]
			return line, nil
		}
		if len(in.rest) >= maxAnswer {
			return "", ErrTooLong
		}
		err := in.fill(ctx)
		switch {
		case errors.Is(err, io.EOF) && len(in.rest) > 0:
			line := string(in.rest)
			in.rest = nil
			return line, nil
		case errors.Is(err, io.EOF):
			return "", ErrEnded
		case err != nil:
			return "", err
		}
	}
}
