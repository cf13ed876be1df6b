package moto

import (
	"bytes"
	"encoding/json"
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
)

// Clocked is a moto server with another clock. The Date of its answers and the
// LastModifiedDate of its parameters follow that clock. It counts its requests, so
// that a test can compute the price of a simulated day. Parameter dates are exact to a
// millisecond: two writes within one are shown with the same date.
type Clocked struct {
	server *Server
	front  *httptest.Server
	now    func() time.Time

	mu       sync.Mutex
	modified map[version]time.Time
	counts   Counts
}

// Counts are requests since the last call of Counts.
type Counts struct {
	// Calls are all requests to all services.
	Calls int
	// KMS is the number of requests from Parameter Store to KMS: one for each
	// SecureString that it decrypted or encrypted.
	KMS int
}

type version struct {
	name   string
	number int64
}

// Clocked returns the server with the given clock. It ends with the test.
func (s *Server) Clocked(t testing.TB, now func() time.Time) *Clocked {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &Clocked{server: s, now: now, modified: map[version]time.Time{}}
	moto := httputil.NewSingleHostReverseProxy(target)
	c.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(moto, w, r) }))
	t.Cleanup(c.front.Close)
	return c
}

// AWSConfig is the server's configuration with requests through this clock.
func (c *Clocked) AWSConfig() aws.Config {
	cfg := c.server.AWSConfig()
	cfg.BaseEndpoint = aws.String(c.front.URL)
	return cfg
}

// Counts returns the counts since the last call and resets them.
func (c *Clocked) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.counts
	c.counts = Counts{}
	return n
}

func (c *Clocked) serve(moto http.Handler, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	moto.ServeHTTP(answer, r)
	content := answer.Body.Bytes()
	c.mu.Lock()
	c.counts.Calls++
	if service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); service == "AmazonSSM" && answer.Code == http.StatusOK {
		content = c.parameters(operation, body, content)
	}
	c.mu.Unlock()
	for name, values := range answer.Header() {
		if name != "Content-Length" {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Date", c.now().UTC().Format(http.TimeFormat))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(content)
}

// parameters counts a successful call of Parameter Store and sets the dates in its
// answer.
func (c *Clocked) parameters(operation string, request, answer []byte) []byte {
	var asked struct {
		Name, Type     string
		WithDecryption bool
	}
	var answered map[string]any
	numbers := json.NewDecoder(bytes.NewReader(answer))
	numbers.UseNumber() // times have more digits than a float64 keeps
	if json.Unmarshal(request, &asked) != nil || numbers.Decode(&answered) != nil {
		return answer
	}
	if operation == "PutParameter" {
		c.modified[version{asked.Name, integer(answered["Version"])}] = c.now()
		if asked.Type == "SecureString" {
			c.counts.KMS++
		}
		return answer
	}
	list, _ := answered["Parameters"].([]any)
	for _, item := range list {
		p, _ := item.(map[string]any)
		if asked.WithDecryption && p["Type"] == "SecureString" {
			c.counts.KMS++
		}
		name, _ := p["Name"].(string)
		if at, known := c.modified[version{name, integer(p["Version"])}]; known {
			p["LastModifiedDate"] = float64(at.UnixMilli()) / 1e3
		}
	}
	dated, err := json.Marshal(answered)
	if err != nil {
		return answer
	}
	return dated
}

func integer(v any) int64 {
	number, _ := v.(json.Number)
	i, _ := number.Int64()
	return i
}
