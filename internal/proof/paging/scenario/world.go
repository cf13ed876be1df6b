package scenario

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// start is when every simulation begins: an ordinary moment, so that nothing
// falls onto a full minute by itself.
var start = time.Date(2026, 11, 24, 4, 0, 11, 0, time.UTC)

// world is one simulated deployment.
type world struct {
	*stack
	agenda
	em    *atlassiantest.Emulator
	store *memstore.Store
	// client reaches the emulator without a network.
	client      *atlassian.Client
	connections []*connection
	// victim is the connection that a scenario is about.
	victim    *connection
	refresher *fleet.Fleet
	evaluator *alarm.Evaluator
	// outcomes counts what ticks did about connections, and observer sees them.
	outcomes map[keeper.Action]int
	observer func(began, ended time.Time, outcomes []keeper.Outcome)
	platform
	faults
	// askedForSites is when the function asked Atlassian for sites last.
	askedForSites time.Time
	countdown     sampler
}

// connection is one connection with its account and its app.
type connection struct {
	family.Connection
	names   family.Names
	account atlassiantest.Account
	app     atlassiantest.App
	site    atlassiantest.Site
	// familyID is the newest family's; empty before the first consent.
	familyID string
}

// faults are what scenarios switch on and off.
type faults struct {
	storeDown, keyDisabled, metricsRefused, crashing bool
	// skew is how far the refresher's clock is ahead.
	skew time.Duration
}

func newWorld(s *stack, connections int, format psoxy.AccessFormat) (*world, error) {
	w := &world{stack: s, agenda: agenda{clock: atlassiantest.NewClock(start)}, evaluator: alarm.NewEvaluator(s.alarms),
		outcomes: map[keeper.Action]int{}}
	rules := atlassiantest.DefaultPolicy()
	rules.AbsoluteLifetime = s.policy.Lifetime
	w.em = atlassiantest.New(atlassiantest.Config{Clock: w.clock, CheapTokens: true, Policy: &rules})
	w.store = memstore.New(w.clock.Now)
	w.client = &atlassian.Client{AuthURL: "http://emulator.invalid", APIURL: "http://emulator.invalid",
		Now: w.clock.Now, HTTPClient: &http.Client{Transport: newInProcess(w.em.Handler())}}
	policy := s.policy
	policy.AccessFormat = format
	for i := range connections {
		c := &connection{Connection: family.Connection{Name: "PSOXY_JIRA_CLOUD_", Policy: policy}}
		if connections > 1 {
			c.Name = fmt.Sprintf("TEAM_%03d_JIRA_CLOUD_", i+1)
		}
		c.names = family.NamesOf(c.Name)
		var err1, err2 error
		c.account, err1 = w.em.AddAccount(atlassiantest.Account{})
		c.app, err2 = w.em.AddApp(atlassiantest.App{Name: "keeper", RedirectURIs: []string{"http://localhost"},
			Scopes: atlassiantest.ConnectorScopes(), Owner: c.account.ID})
		var err3 error
		c.site, err3 = w.em.AddSite(atlassiantest.Site{}, c.account.ID)
		if err := errors.Join(err1, err2, err3); err != nil {
			return nil, fmt.Errorf("preparing the emulator: %w", err)
		}
		w.connections = append(w.connections, c)
	}
	w.victim = w.connections[0]
	w.boot()
	return w, nil
}

// boot starts a process that remembers nothing.
func (w *world) boot() {
	w.boots++
	r := &fleet.Fleet{
		Keeper: keeper.New(keeper.Config{
			Store: faultyStore{w}, Token: slowEndpoint{w}, Sites: slowEndpoint{w}, Now: w.refresherClock,
			Sleep:   w.sleep,
			Process: fmt.Sprintf("process-%d", w.boots),
		}),
		Sink: sink{w}, Now: w.refresherClock, Sleep: w.sleep, Parallel: 1, LastWarning: w.warnings[len(w.warnings)-1],
		Warnings: w.warnings[:len(w.warnings)-1],
	}
	for _, c := range w.connections {
		r.Connections = append(r.Connections, c.Connection)
	}
	w.refresher = r
}

// sleep lets virtual time pass.
func (w *world) sleep(_ context.Context, d time.Duration) {
	if err := w.wait(d); err != nil && w.failure == nil {
		w.failure = err
	}
}

// refresherClock is the time as the function sees it.
func (w *world) refresherClock() time.Time { return w.clock.Now().Add(w.skew) }

// consent is what a person does once a year: consent, and store the parameters.
func (w *world) consent(c *connection) error {
	code, err := w.em.Consent(atlassiantest.ConsentRequest{ClientID: c.app.ClientID, AccountID: c.account.ID})
	if err != nil {
		return err
	}
	tokens, err := w.em.Exchange(atlassiantest.ExchangeRequest{ClientID: c.app.ClientID, ClientSecret: c.app.ClientSecret,
		Code: code, RedirectURI: "http://localhost", Presenter: "person"})
	if err != nil {
		return err
	}
	c.familyID = tokens.FamilyID
	return w.put(map[string]atlassian.Secret{
		c.names.ClientID: atlassian.NewSecret(c.app.ClientID), c.names.ClientSecret: c.app.ClientSecret,
		c.names.RefreshToken: tokens.Refresh, c.names.AccessToken: tokens.Access,
		c.names.CloudID: atlassian.NewSecret(c.site.CloudID),
	})
}

// put stores parameters past all faults: by another way than the refresher's.
func (w *world) put(values map[string]atlassian.Secret) error {
	for name, value := range values {
		if _, err := w.store.Write(context.Background(), name, value, store.Encrypted); err != nil {
			return err
		}
	}
	return nil
}

// invocation is a context with a deadline by the virtual clock, which never fires.
type invocation struct {
	context.Context
	deadline time.Time
}

func (i invocation) Deadline() (time.Time, bool) { return i.deadline, true }

// invoke runs the function once; ok is false if Lambda counts it as an error.
func (w *world) invoke() (ok bool) {
	began := w.clock.Now()
	w.running = true
	defer func() { w.running = false }()
	if w.crashing {
		w.clock.Advance(coldStart)
		return false
	}
	ctx := invocation{context.Background(), w.refresherClock().Add(w.timeout)}
	report, err := w.refresher.Tick(ctx, slog.New(slog.DiscardHandler))
	for _, o := range report.Connections {
		w.outcomes[o.Action]++
	}
	if w.observer != nil {
		w.observer(began, w.clock.Now(), report.Connections)
	}
	return !fleet.Retryable(err) && w.clock.Now().Sub(began) <= w.timeout
}

// coldStart is how long a process takes that fails to start.
const coldStart = 200 * time.Millisecond
