package lambdaruntime

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// instance is one process of the function with its own runtime API. So a request of a
// dying process cannot be taken for its successor's.
type instance struct {
	server *http.Server
	work   chan *invocation

	// launched is closed when the process runs, after pid, process and started were
	// set. The process may send requests before that.
	launched chan struct{}
	pid      int
	process  *os.Process
	started  time.Time

	// ready is closed at the first request for an event, after initTook and initRSS
	// were set.
	ready     chan struct{}
	readyOnce sync.Once
	initTook  time.Duration
	initRSS   int64

	// exited is closed when the process is dead, after exitErr was set.
	exited  chan struct{}
	exitErr error

	// failed is closed when initError is set.
	failed chan struct{}

	mu        sync.Mutex
	current   *invocation
	initError *answer
}

// launch starts a process that writes its stdout and stderr to output. That is a file
// and not a pipe, so that all output before a request is there when the request
// arrives.
func launch(cfg Config, output *os.File) (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the runtime API: %w", err)
	}
	in := &instance{
		work:     make(chan *invocation),
		launched: make(chan struct{}),
		ready:    make(chan struct{}),
		exited:   make(chan struct{}),
		failed:   make(chan struct{}),
	}
	in.server = &http.Server{Handler: in.handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = in.server.Serve(listener) }()

	binary, err := filepath.Abs(cfg.Binary)
	if err != nil {
		_ = in.server.Close()
		return nil, fmt.Errorf("finding the function's binary %s: %w", cfg.Binary, err)
	}
	cmd := exec.Command(binary)
	cmd.Dir = filepath.Dir(binary)
	cmd.Env = environment(cfg, cmd.Dir, listener.Addr().String())
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = attributes()

	failed := make(chan error, 1)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that forked
		// ends. So this thread must live as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		in.started = time.Now()
		if err := cmd.Start(); err != nil {
			failed <- err
			return
		}
		in.pid, in.process = cmd.Process.Pid, cmd.Process
		close(in.launched)
		in.exitErr = cmd.Wait()
		close(in.exited)
		_ = in.server.Close()
	}()
	select {
	case <-in.launched:
		return in, nil
	case err := <-failed:
		_ = in.server.Close()
		return nil, fmt.Errorf("starting the function %s: %w", cfg.Binary, err)
	}
}

// isReady records the end of the process's initialisation.
func (in *instance) isReady() {
	now := time.Now()
	<-in.launched
	in.readyOnce.Do(func() {
		in.initTook = now.Sub(in.started)
		in.initRSS = peakRSS(in.pid)
		close(in.ready)
	})
}

// kill ends the process and returns once it is dead.
func (in *instance) kill() {
	_ = in.process.Kill()
	<-in.exited
}

// dead reports whether the process has ended.
func (in *instance) dead() bool {
	select {
	case <-in.exited:
		return true
	default:
		return false
	}
}

// exitReason describes the end of a dead process as Lambda does.
func (in *instance) exitReason() string {
	if in.exitErr == nil {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + in.exitErr.Error()
}

// environment is the complete environment of the process: the variables that Lambda
// reserves, and the function's own.
func environment(cfg Config, dir, api string) []string {
	env := map[string]string{
		"AWS_DEFAULT_REGION":              "us-east-1",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_LAMBDA_FUNCTION_NAME":        cfg.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + cfg.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      "2026/11/24/[$LATEST]0123456789abcdef0123456789abcdef",
		"AWS_REGION":                      "us-east-1",
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"LAMBDA_TASK_ROOT":                dir,
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		"TZ":                              ":UTC",
		"_HANDLER":                        "bootstrap",
	}
	for name, value := range cfg.Env {
		env[name] = value
	}
	env["AWS_LAMBDA_RUNTIME_API"] = api
	list := make([]string, 0, len(env))
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}
