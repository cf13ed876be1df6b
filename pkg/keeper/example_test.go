package keeper_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// emulated is an Atlassian in memory, under a clock that tests move.
type emulated struct {
	clock  *atlassiantest.Clock
	client *atlassian.Client
	app    atlassian.App
	*atlassiantest.Emulator
	done func()
}

const redirect = "http://localhost"

func emulate() emulated {
	clock := atlassiantest.NewClock(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC))
	e := atlassiantest.New(atlassiantest.Config{Clock: clock})
	fixture, err := e.AddFixture(redirect)
	if err != nil {
		log.Fatal(err)
	}
	server := atlassiantest.NewServer(e)
	return emulated{clock, &atlassian.Client{AuthURL: server.URL, APIURL: server.URL},
		atlassian.App{ClientID: fixture.App.ClientID, ClientSecret: fixture.App.ClientSecret}, e, server.Close}
}

// exchange lets a person consent, and gives what Consent wants of you.
func (e emulated) exchange(ctx context.Context) (keeper.Grant, error) {
	code, err := e.Consent(atlassiantest.ConsentRequest{})
	if err != nil {
		return keeper.Grant{}, err
	}
	token, err := e.client.Exchange(ctx, e.app, code, redirect)
	return keeper.Grant{App: e.app, Token: token}, err
}

// A family from its consent on. In production leave Endpoint and Now out, and tick
// every few minutes.
func Example() {
	ctx := context.Background()
	atl := emulate()
	defer atl.done()

	k := keeper.New(keeper.NewMemory(atl.clock.Now), keeper.Options{Endpoint: atl.client, Now: atl.clock.Now})
	jira := keeper.Connection{Name: "JIRA_"}
	fmt.Println(k.Tick(ctx, jira).Action)
	if err := k.Consent(ctx, jira, atl.exchange); err != nil {
		log.Fatal(err)
	}
	first, err := k.AccessToken(ctx, jira)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(k.Tick(ctx, jira).Action)
	atl.clock.Advance(40 * time.Minute)
	outcome := k.Tick(ctx, jira)
	second, err := k.AccessToken(ctx, jira)
	fmt.Println(outcome.Action, outcome.Generation, second != first, err)
	fmt.Printf("%.0f days until the next consent\n", *outcome.FamilyDaysRemaining)
	// Output:
	// awaiting_consent
	// idle
	// rotated 1 true <nil>
	// 365 days until the next consent
}

// dying is a store under a process that ends at its second write: after the token
// was presented, before its successor is saved.
type dying struct {
	keeper.Store
	writes int
}

func (d *dying) Write(ctx context.Context, name string, value secret.Secret, kind keeper.Kind) (int64, error) {
	if d.writes++; d.writes == 2 {
		panic("killed")
	}
	return d.Store.Write(ctx, name, value, kind)
}

// A process dies at the worst moment: the token is spent, its successor is lost.
// The next process finds in the store what was under way.
func ExampleKeeper_Tick_killed() {
	ctx := context.Background()
	atl := emulate()
	defer atl.done()
	database := keeper.NewMemory(atl.clock.Now)
	options := keeper.Options{Endpoint: atl.client, Now: atl.clock.Now}
	jira := keeper.Connection{Name: "JIRA_"}
	if err := keeper.New(database, options).Consent(ctx, jira, atl.exchange); err != nil {
		log.Fatal(err)
	}

	atl.clock.Advance(40 * time.Minute)
	func() {
		defer func() { fmt.Println(recover()) }()
		keeper.New(&dying{Store: database}, options).Tick(ctx, jira)
	}()
	next := keeper.New(database, options)
	fmt.Println(next.Tick(ctx, jira).Action)
	atl.clock.Advance(2 * time.Minute)
	fmt.Println(next.Tick(ctx, jira).Action)
	// Output:
	// killed
	// contended
	// replayed
}

// Several connections, side by side; stop by cancelling, and wait.
func ExampleKeeper_Tick_severalConnections() {
	atl := emulate()
	defer atl.done()
	k := keeper.New(keeper.NewMemory(atl.clock.Now), keeper.Options{Endpoint: atl.client, Now: atl.clock.Now})
	connections := []keeper.Connection{{Name: "JIRA_"}, {Name: "CONFLUENCE_"}}

	tick := func(ctx context.Context) []keeper.Outcome {
		outcomes := make([]keeper.Outcome, len(connections))
		var all sync.WaitGroup
		for i, c := range connections {
			all.Go(func() { outcomes[i] = k.Tick(ctx, c) })
		}
		all.Wait()
		return outcomes
	}
	for _, o := range tick(context.Background()) {
		fmt.Println(o.Connection, o.Action, o.Action.Healthy())
	}
	// Output:
	// JIRA_ awaiting_consent true
	// CONFLUENCE_ awaiting_consent true
}
