package proxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
)

// Call is one request and its answer. A Rule's functions may use its methods;
// what [Proxy.Calls] returns is a copy.
type Call struct {
	// Operation is what the proxy's namer makes of the request.
	Operation string
	// Target is the request's path with its query.
	Target  string
	Header  http.Header
	Request []byte

	// Status is 0 when no answer came from the server, or while it is awaited.
	Status       int
	AnswerHeader http.Header
	Answer       []byte

	// Lost: the answer, if there was one, did not reach the program on the
	// proxy's doing.
	Lost bool

	// answered: a rule answered in the server's place.
	answered bool
}

// String names a call without its bodies, which hold secrets: a failing test prints calls.
func (c Call) String() string { return fmt.Sprintf("%s %s: %d", c.Operation, c.Target, c.Status) }

// Lose closes the connection without an answer. Used before forwarding, the
// server never sees the request; used after, it has carried it out.
func (c *Call) Lose() { c.Lost = true }

// Reply answers in the server's place, or replaces the server's answer.
func (c *Call) Reply(status int, header http.Header, body []byte) {
	c.answered = true
	c.Status, c.AnswerHeader, c.Answer = status, header.Clone(), body
}

// Rule says what happens to certain calls.
type Rule struct {
	// Operation that the rule is for; empty means any.
	Operation string
	// When narrows the rule down further; nil means any call. It sees the
	// request only, and is called while the proxy is locked.
	When func(*Call) bool
	// Nth of these calls since the rule was added, from 1; 0 means all of them.
	Nth int
	// Before is called before the call is forwarded, After before its answer is
	// passed back. Each may block, or be nil.
	Before, After func(*Call)
}

// Proxy forwards to one server.
type Proxy struct {
	// URL is where the proxy listens, without a slash at the end.
	URL string

	target *url.URL
	name   func(*http.Request, []byte) string
	server *httptest.Server
	client *http.Transport

	mu     sync.Mutex
	header http.Header
	calls  []*Call
	rules  []*installed
}

type installed struct {
	Rule
	seen int
}

// Start starts a proxy in front of the server at the URL target. name makes
// operations of requests: [AWS] or [Path].
func Start(target string, name func(*http.Request, []byte) string) (*Proxy, error) {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a server: expected something like http://127.0.0.1:5000", target)
	}
	p := &Proxy{target: u, name: name, header: http.Header{},
		// Every call has a connection of its own, so that a lost connection
		// concerns one call, and nothing repeats a request by itself.
		client: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	p.URL = p.server.URL
	return p, nil
}

// Close ends the proxy and all its connections.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// SetHeader adds a header to everything that is forwarded from now on.
func (p *Proxy) SetHeader(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.header.Set(name, value)
}

// On adds a rule and returns what removes it. Of several rules that fit a call,
// all apply, in the order in which they were added.
func (p *Proxy) On(r Rule) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	in := &installed{Rule: r}
	p.rules = append(p.rules, in)
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.rules = slices.DeleteFunc(p.rules, func(other *installed) bool { return other == in })
	}
}

// Calls returns the calls since the start or the last Forget, in the order in
// which they came; of the given operations, or all.
func (p *Proxy) Calls(operations ...string) []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	var calls []Call
	for _, c := range p.calls {
		if len(operations) == 0 || slices.Contains(operations, c.Operation) {
			calls = append(calls, *c)
		}
	}
	return calls
}

// Count returns how many calls there were of each operation.
func (p *Proxy) Count() map[string]int {
	counts := map[string]int{}
	for _, c := range p.Calls() {
		counts[c.Operation]++
	}
	return counts
}

// Forget empties the record; rules stay.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = nil
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	// c belongs to this goroutine; the record gets copies of it.
	c := &Call{Operation: p.name(r, body), Target: r.URL.RequestURI(), Header: r.Header.Clone(), Request: body}
	rules, record := p.received(c)
	defer record(c)

	for _, rule := range rules {
		if rule.Before != nil {
			rule.Before(c)
		}
	}
	var broken error
	if !c.Lost && !c.answered {
		record(c)
		broken = p.forward(r, c)
		for _, rule := range rules {
			if rule.After != nil && c.Status != 0 {
				rule.After(c)
			}
		}
	}
	if c.Lost || c.Status == 0 {
		record(c)
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), c.AnswerHeader)
	if broken == nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(c.Answer)))
	}
	w.WriteHeader(c.Status)
	_, _ = w.Write(c.Answer)
	if broken != nil {
		// The server's answer broke off: so does ours.
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// received records a call. It returns the rules for it and the function that
// brings the record up to date.
func (p *Proxy) received(c *Call) ([]Rule, func(*Call)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry := new(Call)
	*entry = *c
	p.calls = append(p.calls, entry)
	var rules []Rule
	for _, in := range p.rules {
		if in.Operation != "" && in.Operation != c.Operation || in.When != nil && !in.When(c) {
			continue
		}
		in.seen++
		if in.Nth == 0 || in.Nth == in.seen {
			rules = append(rules, in.Rule)
		}
	}
	return rules, func(c *Call) {
		p.mu.Lock()
		defer p.mu.Unlock()
		*entry = *c
	}
}

// forward sends the request on and puts the answer into c. Its error says that
// there was no answer, or that it broke off.
func (p *Proxy) forward(r *http.Request, c *Call) error {
	u := *r.URL
	u.Scheme, u.Host = p.target.Scheme, p.target.Host
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, u.String(), bytes.NewReader(c.Request))
	if err != nil {
		return err
	}
	req.Header = c.Header.Clone()
	req.Header.Del("Connection")
	req.Host = r.Host
	p.mu.Lock()
	maps.Copy(req.Header, p.header)
	p.mu.Unlock()
	resp, err := p.client.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	c.Status, c.AnswerHeader = resp.StatusCode, resp.Header
	c.AnswerHeader.Del("Connection")
	c.Answer, err = io.ReadAll(resp.Body)
	return err
}
