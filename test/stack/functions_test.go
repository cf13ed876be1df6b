package stack

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
)

// functions runs the execution environments that serve.py asks for, each by the
// binary that was uploaded.
type functions struct {
	// URL is where serve.py asks.
	URL string
	// env is added to each function's environment.
	env map[string]string

	mu      sync.Mutex
	running map[string]*environment
	logs    strings.Builder
}

// environment is one execution environment.
type environment struct {
	runtime *lambdaruntime.Runtime
	timeout time.Duration
}

// asked is the body of serve.py's requests. Their path is the environment's id.
type asked struct {
	// Of a start.
	Name           string            `json:"name"`
	Binary         string            `json:"binary"`
	TimeoutSeconds int               `json:"timeout_seconds"`
	Env            map[string]string `json:"env"`
	// Of an invocation.
	Event []byte `json:"event"`
}

// answered is the answer.
type answered struct {
	Payload []byte `json:"payload"`
	Failed  bool   `json:"failed"`
	Logs    string `json:"logs"`
}

// runFunctions serves until the test ends.
func runFunctions(t testing.TB, env map[string]string) *functions {
	f := &functions{env: env, running: map[string]*environment{}}
	server := httptest.NewServer(f)
	f.URL = server.URL
	t.Cleanup(func() {
		f.mu.Lock()
		for _, e := range f.running {
			e.runtime.Close()
		}
		f.mu.Unlock()
		server.Close()
	})
	return f
}

// Logs is all that the functions have written.
func (f *functions) Logs() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs.String()
}

// ServeHTTP starts an environment, invokes it, or ends it.
func (f *functions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in asked
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out, err := f.serve(r, in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (f *functions) serve(r *http.Request, in asked) (out answered, err error) {
	id := strings.TrimPrefix(r.URL.Path, "/")
	f.mu.Lock()
	e := f.running[id]
	f.mu.Unlock()
	switch {
	case r.Method == http.MethodPut:
		env := maps.Clone(in.Env)
		maps.Copy(env, f.env)
		e = &environment{timeout: time.Duration(in.TimeoutSeconds) * time.Second}
		if e.runtime, err = lambdaruntime.New(lambdaruntime.Config{Binary: in.Binary, Env: env, Name: in.Name}); err != nil {
			return out, err
		}
		f.mu.Lock()
		f.running[id] = e
		f.mu.Unlock()
	case e == nil: // ended before
	case r.Method == http.MethodDelete:
		e.runtime.Close()
		f.mu.Lock()
		delete(f.running, id)
		f.mu.Unlock()
	default:
		result, err := e.runtime.Invoke(r.Context(), in.Event, e.timeout)
		if err != nil {
			return out, err
		}
		out = answered{Payload: result.Payload, Failed: result.Error != nil, Logs: result.Logs}
		if out.Failed && out.Payload == nil {
			out.Payload, _ = json.Marshal(result.Error)
		}
		f.mu.Lock()
		f.logs.WriteString(result.Logs)
		f.mu.Unlock()
	}
	return out, nil
}
