package atlassian_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A consent, a rotation, and what a failure says. The server is an emulator. A zero
// Client sends its requests to Atlassian.
func Example() {
	emulator := atlassiantest.New(atlassiantest.Config{})
	fixture, err := emulator.AddFixture("http://localhost")
	if err != nil {
		panic(err)
	}
	server := atlassiantest.NewServer(emulator)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	client := &atlassian.Client{AuthURL: server.URL, APIURL: server.URL}
	app := atlassian.App{ClientID: fixture.App.ClientID, ClientSecret: fixture.App.ClientSecret}

	// The user accepts in a browser, which returns with a code.
	code, err := emulator.Consent(atlassiantest.ConsentRequest{})
	if err != nil {
		panic(err)
	}
	first, err := client.Exchange(ctx, app, code, "http://localhost")
	if err != nil {
		panic(err)
	}
	fmt.Println("access token:", first.Access, "for", first.ExpiresIn)

	// Before this call, record that it will be made. After it, save second.Refresh
	// before you do anything else.
	second, err := client.Refresh(ctx, app, first.Refresh)
	fmt.Println("rotated:", err == nil && second.Refresh != first.Refresh)

	_, err = client.Refresh(ctx, app, atlassian.NewSecret("an.unknown.token"))
	var failed *atlassian.Error
	if errors.As(err, &failed) {
		switch failed.Class {
		case atlassian.Permanent:
			fmt.Println("only a new consent helps:", failed)
		case atlassian.Configuration:
			fmt.Println("correct the app's credentials:", failed)
		case atlassian.Transient, atlassian.Malformed:
			fmt.Println("try again later:", failed)
		default:
			fmt.Println("the token may be spent: present it again within ten minutes")
		}
	}
	// Output:
	// access token: [redacted] for 1h0m0s
	// rotated: true
	// only a new consent helps: refresh: permanent (HTTP 403 unauthorized_client)
}

func ExampleAuthorizeURL() {
	address, err := atlassian.AuthorizeURL(atlassian.DefaultAuthURL, atlassian.AuthorizeRequest{
		ClientID:    "abc",
		Scopes:      []string{"offline_access", "read:jira-work"},
		RedirectURI: "http://localhost",
		State:       atlassian.NewSecret("random-and-used-once"),
	})
	fmt.Println(address, err)
	// Output:
	// https://auth.atlassian.com/authorize?audience=api.atlassian.com&client_id=abc&scope=offline_access%20read%3Ajira-work&redirect_uri=http%3A%2F%2Flocalhost&state=random-and-used-once&response_type=code&prompt=consent <nil>
}

func ExampleSites() {
	sites := atlassian.Sites([]atlassian.Resource{
		{ID: "1", Name: "acme", Scopes: []string{"read:jira-work"}},
		{ID: "1", Name: "acme", Scopes: []string{"read:page:confluence"}},
	})
	fmt.Println(len(sites), sites[0].Name, sites[0].Scopes)
	// Output: 1 acme [read:jira-work read:page:confluence]
}
