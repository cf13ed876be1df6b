package atlassian_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// emulated starts an emulator with one consent; done ends it.
func emulated() (client *atlassian.Client, app atlassian.App, token atlassian.Token, e *atlassiantest.Emulator, done func()) {
	e = atlassiantest.New(atlassiantest.Config{})
	fixture, err := e.AddFixture("http://localhost")
	if err != nil {
		log.Fatal(err)
	}
	server := atlassiantest.NewServer(e)
	client = &atlassian.Client{AuthURL: server.URL, APIURL: server.URL}
	app = atlassian.App{ClientID: fixture.App.ClientID, ClientSecret: fixture.App.ClientSecret}
	code, err := e.Consent(atlassiantest.ConsentRequest{})
	if err != nil {
		log.Fatal(err)
	}
	if token, err = client.Exchange(context.Background(), app, code, "http://localhost"); err != nil {
		log.Fatal(err)
	}
	return client, app, token, e, server.Close
}

// A rotation. Save the successor first, with a type of your own.
func ExampleClient_Refresh() {
	client, app, current, _, done := emulated()
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	began := time.Now() // record it: a lost answer can be replaced until ten minutes later
	next, err := client.Refresh(ctx, app, current.Refresh)
	var failed *atlassian.Error
	switch {
	case err == nil:
	case errors.As(err, &failed) && failed.Class == atlassian.Ambiguous:
		fmt.Println("the token may be spent: present it again within ten minutes")
		return
	default:
		fmt.Println("not rotated:", err)
		return
	}
	if next.Refresh.IsZero() { // Atlassian kept the old one
		next.Refresh = current.Refresh
	}
	if next.Access.IsZero() { // the answer had none: keep the one before until the next rotation
		next.Access, next.ExpiresIn = current.Access, 0
	}
	// A Token cannot be encoded: it would be stored as "[redacted]".
	stored, err := json.Marshal(map[string]any{
		"refresh_token": next.Refresh.Reveal(),
		"access_token":  next.Access.Reveal(),
		"expires_at":    next.ExpiresAt(began).UTC(),
	})
	fmt.Println("saved:", len(stored) > 2000 && err == nil, "rotated:", next.Refresh != current.Refresh)
	// Output: saved: true rotated: true
}

func ExampleClient_Get() {
	client, _, token, _, done := emulated()
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	resources, err := client.AccessibleResources(ctx, token.Access)
	if err != nil {
		log.Fatal(err)
	}
	site := atlassian.Sites(resources)[0]
	answer, err := client.Get(ctx, token.Access, "/ex/jira/"+site.ID+"/rest/api/3/project/search?maxResults=1")
	if err != nil {
		log.Fatal(err)
	}
	var page struct {
		Values []struct{ Key string }
	}
	fmt.Println(json.Unmarshal(answer.Body, &page), page.Values)

	_, err = client.Get(ctx, token.Access, "/ex/jira/"+site.ID+"/rest/api/3/no/such/path")
	var failed *atlassian.Error
	fmt.Println(errors.As(err, &failed), failed.Class, failed.Status)
	// Output:
	// <nil> [{TK}]
	// true configuration 404
}

// counting is a transport that wraps DefaultTransport. It passes each request on
// once. It reads no header and no body, since they contain tokens.
type counting struct {
	base     http.RoundTripper
	requests map[string]int
}

// RoundTrip implements http.RoundTripper.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests[r.Method+" "+r.URL.Path]++
	return c.base.RoundTrip(r)
}

func ExampleClient_transport() {
	client, app, token, _, done := emulated()
	defer done()
	transport := counting{atlassian.DefaultTransport(), map[string]int{}}
	client.HTTPClient = &http.Client{Transport: transport, Timeout: 20 * time.Second}

	next, err := client.Refresh(context.Background(), app, token.Refresh)
	if err == nil {
		_, err = client.AccessibleResources(context.Background(), next.Access)
	}
	fmt.Println(err, transport.requests)
	// Output: <nil> map[GET /oauth/token/accessible-resources:1 POST /oauth/token:1]
}

// A test of your own program: what does it do if an answer is lost?
func Example_faults() {
	client, app, token, emulator, done := emulated()
	defer done()
	if err := emulator.Inject(atlassiantest.Fault{
		Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop, Times: 1,
	}); err != nil {
		log.Fatal(err)
	}
	_, err := client.Refresh(context.Background(), app, token.Refresh)
	fmt.Println(err)

	truth, _ := emulator.Lookup(token.Refresh)
	fmt.Println("the server says:", truth.Status)

	_, err = client.Refresh(context.Background(), app, token.Refresh)
	fmt.Println("presented again within ten minutes:", err)
	// Output:
	// refresh: ambiguous (sent, no answer): EOF
	// the server says: reusable
	// presented again within ten minutes: <nil>
}
