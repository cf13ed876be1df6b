package lambdaruntime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// Config describes a function.
type Config struct {
	// Binary is the path of the executable, usually the result of [Build].
	Binary string
	// Env is the function's environment. It can override what Lambda sets. This
	// process's own environment is not passed on.
	Env map[string]string
	// Name of the function; empty means "function".
	Name string
	// InitTimeout is how long the process may take to ask for its first event; zero
	// means Lambda's 10 s.
	InitTimeout time.Duration
}

// Version is the one that binaries of Build have.
const Version = "v0.0.0-test"

// Build compiles the main package pkg for this machine with the flags of the deployed
// functions. pkg is an argument of `go build`, relative to the working directory. Build
// returns the path of the binary: "bootstrap" in the folder dir. The error contains the
// compiler's output.
func Build(ctx context.Context, dir, pkg string) (string, error) {
	binary := filepath.Join(dir, "bootstrap")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath",
		"-ldflags", "-s -w -X github.com/tokenkeeper/tokenkeeper/internal/config.version="+Version, "-o", binary, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return binary, nil
}

// Runtime is one execution environment of a function.
type Runtime struct {
	cfg    Config
	output *os.File
	// turn lets only one invocation run at a time.
	turn chan struct{}

	mu     sync.Mutex
	in     *instance
	starts int
	closed bool
}

// errClosed is returned by Invoke after Close.
var errClosed = errors.New("lambdaruntime: the runtime is closed")

// New prepares a function. The process starts at the first invocation. Close ends it.
// The error says that the file for the function's output cannot be made.
func New(cfg Config) (*Runtime, error) {
	if cfg.Name == "" {
		cfg.Name = "function"
	}
	if cfg.InitTimeout == 0 {
		cfg.InitTimeout = 10 * time.Second
	}
	f, err := os.CreateTemp("", "lambda-output-*")
	if err != nil {
		return nil, fmt.Errorf("lambdaruntime: making a file for the function's output: %w", err)
	}
	_ = f.Close()
	// It is opened again with O_APPEND. Without that, a process and its successor
	// would overwrite each other's output.
	output, err := os.OpenFile(f.Name(), os.O_RDWR|os.O_APPEND, 0o600)
	_ = os.Remove(f.Name())
	if err != nil {
		return nil, fmt.Errorf("lambdaruntime: opening the file for the function's output: %w", err)
	}
	return &Runtime{cfg: cfg, output: output, turn: make(chan struct{}, 1)}, nil
}

// Invoke runs the function on an event and waits for the end of the invocation. If
// timeout passes after the process got the event, the process is killed. Concurrent
// calls run one after the other.
//
// The error is about the runtime itself: it is closed, the binary cannot be started, or
// ctx ended (which kills the process). Every failure of the function is in the Result.
func (r *Runtime) Invoke(ctx context.Context, event []byte, timeout time.Duration) (Result, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	res := Result{RequestID: requestID()}
	from := r.outputSize()
	err := r.invoke(ctx, event, timeout, &res)
	res.Logs = r.outputFrom(from)
	return res, err
}

func (r *Runtime) invoke(ctx context.Context, event []byte, timeout time.Duration, res *Result) error {
	for {
		in, cold, err := r.instance()
		if err != nil {
			return err
		}
		res.Cold = cold
		if ok, err := r.initialised(ctx, in, res); !ok || err != nil {
			return err
		}
		inv := &invocation{id: res.RequestID, event: event, deadline: time.Now().Add(timeout),
			arn:   "arn:aws:lambda:us-east-1:123456789012:function:" + r.cfg.Name,
			trace: "Root=1-" + requestID()[:8] + "-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0",
			over:  make(chan struct{})}
		select {
		case in.work <- inv:
			return r.await(ctx, in, inv, timeout, res)
		case <-in.exited:
			if cold {
				r.died(in, res)
				return nil
			}
			// It died while it was idle. Lambda then starts another.
		case <-ctx.Done():
			in.kill()
			return ctx.Err()
		}
	}
}

// initialised waits until the process asks for an event. It returns false if the
// process failed before that; then res says how.
func (r *Runtime) initialised(ctx context.Context, in *instance, res *Result) (bool, error) {
	timer := time.NewTimer(r.cfg.InitTimeout)
	defer timer.Stop()
	select {
	case <-in.ready:
		if res.Cold {
			res.Init, res.InitRSS = in.initTook, in.initRSS
		}
		return true, nil
	case <-in.failed:
		in.kill()
		r.died(in, res)
	case <-in.exited:
		r.died(in, res)
	case <-timer.C:
		in.kill()
		res.Exited = true
		res.Error = &FunctionError{Type: "Sandbox.Timedout", Message: fmt.Sprintf(
			"RequestId: %s Error: Init timed out after %.2f seconds", res.RequestID, r.cfg.InitTimeout.Seconds())}
	case <-ctx.Done():
		in.kill()
		return false, ctx.Err()
	}
	return false, nil
}

// await waits for the end of an invocation after the process got its event.
func (r *Runtime) await(ctx context.Context, in *instance, inv *invocation, timeout time.Duration, res *Result) error {
	begun := time.Now()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	defer func() { res.Duration = time.Since(begun) }()
	select {
	case <-inv.over:
		res.PeakRSS = peakRSS(in.pid)
		if inv.answer == nil {
			res.Error = &FunctionError{Type: "Runtime.NoResponse",
				Message: "the function asked for the next event before it answered this one"}
			return nil
		}
		res.Payload, res.Error = inv.answer.payload, inv.answer.err
	case <-in.exited:
		res.Exited = true
		in.mu.Lock()
		a := inv.answer
		in.mu.Unlock()
		if a == nil {
			r.died(in, res)
			return nil
		}
		res.Payload, res.Error = a.payload, a.err
	case <-timer.C:
		in.kill()
		res.Exited = true
		res.Error = &FunctionError{Type: "Sandbox.Timedout", Message: fmt.Sprintf(
			"RequestId: %s Error: Task timed out after %.2f seconds", res.RequestID, timeout.Seconds())}
	case <-ctx.Done():
		in.kill()
		return ctx.Err()
	}
	return nil
}

// died describes the death of a process that has not answered.
func (r *Runtime) died(in *instance, res *Result) {
	res.Exited = true
	in.mu.Lock()
	a := in.initError
	in.mu.Unlock()
	if a != nil {
		res.Payload, res.Error = a.payload, a.err
		return
	}
	res.Error = &FunctionError{Type: "Runtime.ExitError",
		Message: "RequestId: " + res.RequestID + " Error: " + in.exitReason()}
}

// instance returns the living process, or starts one.
func (r *Runtime) instance() (in *instance, cold bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, errClosed
	}
	if r.in != nil && !r.in.dead() {
		return r.in, false, nil
	}
	if r.in, err = launch(r.cfg, r.output); err != nil {
		return nil, false, fmt.Errorf("lambdaruntime: %w", err)
	}
	r.starts++
	return r.in, true, nil
}

// Kill sends SIGKILL to the process and waits for its end. It may be called at any
// moment, also by a server that the function calls. Without a process it does nothing.
func (r *Runtime) Kill() {
	r.mu.Lock()
	in := r.in
	r.mu.Unlock()
	if in != nil {
		in.kill()
	}
}

// Starts is the number of processes that were started.
func (r *Runtime) Starts() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.starts
}

// Logs is the output of all the function's processes.
func (r *Runtime) Logs() string { return r.outputFrom(0) }

// Close kills the process. The Runtime cannot be used any more, except for Logs.
func (r *Runtime) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.Kill()
}

func (r *Runtime) outputSize() int64 {
	info, err := r.output.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

func (r *Runtime) outputFrom(offset int64) string {
	b, err := io.ReadAll(io.NewSectionReader(r.output, offset, 1<<40))
	if err != nil {
		return "lambdaruntime: reading the function's output: " + err.Error()
	}
	return string(b)
}
