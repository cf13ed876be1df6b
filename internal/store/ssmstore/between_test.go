package ssmstore_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// between stands between the client and moto: it sees every request, and
// decides what becomes of it.
type between struct {
	*httptest.Server
	moto *httputil.ReverseProxy
	// prefix sets the names of a test apart: all tests share one moto.
	prefix string

	mu    sync.Mutex
	calls []call
	// next handles the coming requests, one each; then moto does.
	next []func(http.ResponseWriter, *http.Request)
	// glances and decryptions handle the coming reads of their kind instead.
	glances, decryptions func(http.ResponseWriter, *http.Request)
}

// call is a request to SSM.
type call struct {
	operation string
	input     map[string]any
}

func (c call) decrypts() bool { return c.input["WithDecryption"] == true }

// newBetween returns the server and a store that talks to it.
func newBetween(t *testing.T) (*between, *ssmstore.Store) {
	t.Helper()
	m := moto.Start(t)
	target, err := url.Parse(m.URL)
	require.NoError(t, err)
	b := &between{moto: httputil.NewSingleHostReverseProxy(target), prefix: "T" + rand.Text()[:10] + "_"}
	b.Server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.Close)
	cfg := m.AWSConfig()
	cfg.BaseEndpoint = aws.String(b.URL)
	return b, ssmstore.New(ssmstore.NewClient(cfg), key, time.Now)
}

func (b *between) name(suffix string) string { return b.prefix + suffix }

func (b *between) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c := call{operation: operation}
	_ = json.Unmarshal(body, &c.input)

	b.mu.Lock()
	b.calls = append(b.calls, c)
	handle := b.moto.ServeHTTP
	switch {
	case len(b.next) > 0:
		handle, b.next = b.next[0], b.next[1:]
	case operation == "GetParameters" && c.decrypts() && b.decryptions != nil:
		handle = b.decryptions
	case operation == "GetParameters" && !c.decrypts() && b.glances != nil:
		handle = b.glances
	}
	b.mu.Unlock()
	handle(w, r)
}

// then queues what is to happen to the next requests.
func (b *between) then(handlers ...func(http.ResponseWriter, *http.Request)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls, b.next, b.glances, b.decryptions = nil, handlers, nil, nil
}

// during sets what happens to reads; nil leaves them to moto.
func (b *between) during(glances, decryptions func(http.ResponseWriter, *http.Request)) {
	b.then()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.glances, b.decryptions = glances, decryptions
}

func (b *between) seen() []call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.calls
}

// answer is an error of SSM. Its message quotes the request, as SSM's own
// validation messages do.
func answer(status int, code string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-Requestid", "0f5a1c2e-0000-4000-8000-1234567890ab")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": "Value at 'value' is wrong: " + string(body)})
	}
}

// lost lets moto do what is asked, and drops its answer.
func (b *between) lost(_ http.ResponseWriter, r *http.Request) {
	b.moto.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler) // closes the connection
}

const canary = "canary-91b7"

func put(s *ssmstore.Store, t *testing.T, name string) (int64, error) {
	return s.Write(t.Context(), name, atlassian.NewSecret(canary), store.Encrypted)
}

func requireNoCanary(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", e, e, e), canary)
	}
}
