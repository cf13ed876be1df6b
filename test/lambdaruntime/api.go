package lambdaruntime

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxPayload is the largest answer of a synchronous invocation, in bytes: 6 MB.
const maxPayload = 6 << 20

// invocation is one event for a process.
type invocation struct {
	id       string
	event    []byte
	deadline time.Time
	arn      string
	trace    string

	// answer is what the process sent, or nil. instance.mu guards it.
	answer *answer
	// over is closed when the process asks for the next event.
	over chan struct{}
}

// answer is a request to /response, /error or /init/error.
type answer struct {
	payload []byte
	err     *FunctionError
}

// handler is the runtime API for one process.
func (in *instance) handler() http.Handler {
	const base = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"/invocation/next", in.serveNext)
	mux.HandleFunc("POST "+base+"/invocation/{id}/response", in.serveResponse)
	mux.HandleFunc("POST "+base+"/invocation/{id}/error", in.serveError)
	mux.HandleFunc("POST "+base+"/init/error", in.serveInitError)
	return mux
}

func (in *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	in.isReady()
	in.mu.Lock()
	if in.current != nil {
		close(in.current.over)
		in.current = nil
	}
	in.mu.Unlock()

	select {
	case inv := <-in.work:
		in.mu.Lock()
		in.current = inv
		in.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
		h.Set("Lambda-Runtime-Trace-Id", inv.trace)
		_, _ = w.Write(inv.event)
	case <-r.Context().Done():
	case <-in.exited:
	}
}

func (in *instance) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "RequestBodyIncomplete")
		return
	}
	if len(body) > maxPayload {
		in.answered(r.PathValue("id"), answer{err: &FunctionError{
			Type: "Function.ResponseSizeTooLarge", Message: "the response is larger than 6 MB"}})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge")
		return
	}
	in.accept(w, r, answer{payload: body})
}

func (in *instance) serveError(w http.ResponseWriter, r *http.Request) {
	in.accept(w, r, readError(r))
}

func (in *instance) accept(w http.ResponseWriter, r *http.Request, a answer) {
	if !in.answered(r.PathValue("id"), a) {
		refuse(w, http.StatusBadRequest, "InvalidRequestID")
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// answered records the answer to the current event. It returns false if id is not
// the event's, or if the event already has an answer.
func (in *instance) answered(id string, a answer) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.current == nil || in.current.id != id || in.current.answer != nil {
		return false
	}
	in.current.answer = &a
	return true
}

func (in *instance) serveInitError(w http.ResponseWriter, r *http.Request) {
	a := readError(r)
	in.mu.Lock()
	if in.initError == nil {
		in.initError = &a
		close(in.failed)
	}
	in.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// readError reads the body of /error and /init/error. A runtime may send the type in
// a header instead of the body.
func readError(r *http.Request) answer {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	fe := FunctionError{Type: "Runtime.UnknownReason", Message: "the error that the function reported is not JSON"}
	if err == nil {
		var posted FunctionError
		if json.Unmarshal(body, &posted) == nil {
			fe = posted
		}
	}
	if t := r.Header.Get("Lambda-Runtime-Function-Error-Type"); t != "" && fe.Type == "" {
		fe.Type = t
	}
	return answer{payload: body, err: &fe}
}

func refuse(w http.ResponseWriter, status int, errorType string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(FunctionError{Type: errorType, Message: http.StatusText(status)})
}
