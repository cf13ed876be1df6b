// Package demo runs the main job on embedded parts: the real keeper and OAuth
// client, the emulator on a loopback address, and a store in memory. Its clock
// runs as fast as the machine allows.
package demo

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

const (
	connection = "PSOXY_JIRA_CLOUD_"
	callback   = "http://localhost"
	// every is the schedule's interval.
	every = 5 * time.Minute
)

// Run tells the story to out. It returns an error if a step does not end as a
// healthy keeper's must.
func Run(ctx context.Context, out io.Writer) error {
	s, err := newStage(out)
	if err != nil {
		return err
	}
	defer s.server.Close()
	for _, act := range []func(context.Context) error{s.consent, s.rotations, s.lostAnswer, s.killed, s.overwritten, s.year, s.renewal} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	s.say("\ndemo: ok: %d rotations in %d ticks, one consent a year, no family lost before its day", s.rotated, s.ticks)
	return nil
}

// stage holds the parts.
type stage struct {
	out       io.Writer
	clock     *atlassiantest.Clock
	em        *atlassiantest.Emulator
	app       atlassian.App
	server    *atlassiantest.Server
	client    *atlassian.Client
	store     *memstore.Store
	refresher *fleet.Fleet
	// dieAfterPost makes the next token request the process's last act.
	dieAfterPost bool
	ticks        int
	rotated      int
}

func newStage(out io.Writer) (*stage, error) {
	s := &stage{out: out, clock: atlassiantest.NewClock(time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC))}
	s.em = atlassiantest.New(atlassiantest.Config{Clock: s.clock, CheapTokens: true})
	fixture, err := s.em.AddFixture(callback)
	if err != nil {
		return nil, err
	}
	s.app = atlassian.App{ClientID: fixture.App.ClientID, ClientSecret: fixture.App.ClientSecret}
	s.server = atlassiantest.NewServer(s.em)
	s.client = &atlassian.Client{AuthURL: s.server.URL, APIURL: s.server.URL}
	s.store = memstore.New(s.clock.Now)
	s.start("first")
	return s, nil
}

// start begins a process that remembers nothing.
func (s *stage) start(process string) {
	sleep := func(_ context.Context, d time.Duration) { s.clock.Advance(d) }
	s.refresher = &fleet.Fleet{
		Keeper: fleet.Guarded{Keeper: keeper.New(keeper.Config{
			Store: s.store, Token: crashing{s}, Now: s.clock.Now, Sleep: sleep, Process: process,
		})},
		Connections: []family.Connection{{Name: connection, Policy: family.DefaultPolicy()}},
		Sink:        discard{}, Now: s.clock.Now, Sleep: sleep, Parallel: 1,
	}
}

// crashing is the token endpoint of a process that may die right after the answer.
type crashing struct{ *stage }

// killedMidway is the panic that ends a process in the demonstration.
type killedMidway struct{}

func (m crashing) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	t, err := m.client.Refresh(ctx, app, refresh)
	if m.dieAfterPost {
		m.dieAfterPost = false
		panic(killedMidway{})
	}
	return t, err
}

// discard takes metrics; the demonstration shows the outcomes they come from.
type discard struct{}

func (discard) Publish(context.Context, time.Time, []metrics.Metric) error { return nil }

// tick is one tick of the schedule, and moves the clock to the next.
func (s *stage) tick(ctx context.Context) keeper.Outcome {
	at := s.clock.Now()
	// The outcome says what an error would.
	report, _ := s.refresher.Tick(ctx, slog.New(slog.DiscardHandler))
	s.clock.Set(at.Add(every))
	o := report.Connections[0]
	s.ticks++
	if o.Action == keeper.Rotated || o.Action == keeper.Replayed {
		s.rotated++
	}
	return o
}

// show prints one tick; want is what a healthy keeper does.
func (s *stage) show(ctx context.Context, want keeper.Action) (keeper.Outcome, error) {
	at := s.clock.Now()
	o := s.tick(ctx)
	s.say("  %s  %-16s generation %-3d %s", at.Format("15:04"), o.Action, o.Generation, o.Reason)
	if o.Action != want {
		return o, fmt.Errorf("the tick at %s ended %s, expected %s: %s", at.Format(time.RFC3339), o.Action, want, o.Reason)
	}
	return o, nil
}

func (s *stage) put(ctx context.Context, name string, value atlassian.Secret) error {
	_, err := s.store.Write(ctx, name, value, store.Encrypted)
	return err
}

func (s *stage) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }
