package stack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// pager is the end of a page's way: what PagerDuty's address would be.
type pager struct {
	URL string

	mu    sync.Mutex
	pages []page
}

// page is an alarm's change, as SNS delivers it.
type page struct {
	AlarmName, NewStateValue, AlarmDescription string
}

// takePages serves until the test ends. It confirms its subscription.
func takePages(t testing.TB) *pager {
	p := &pager{}
	server := httptest.NewTLSServer(p)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// ServeHTTP takes what SNS sends.
func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var envelope struct{ Type, Message, SubscribeURL string }
	if err := json.NewDecoder(r.Body).Decode(&envelope); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if envelope.Type == "SubscriptionConfirmation" {
		answer, err := http.Get(envelope.SubscribeURL)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_ = answer.Body.Close()
		return
	}
	var one page
	if err := json.Unmarshal([]byte(envelope.Message), &one); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages = append(p.pages, one)
}

// about are the changes of an alarm so far, oldest first.
func (p *pager) about(alarm string) (states []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.pages {
		if one.AlarmName == alarm {
			states = append(states, one.NewStateValue)
		}
	}
	return states
}

// description is what an alarm's newest page says to do.
func (p *pager) description(alarm string) (text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.pages {
		if one.AlarmName == alarm {
			text = one.AlarmDescription
		}
	}
	return text
}
