package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/lambdaclient"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// askStore looks at one connection of a store, or at all of them.
func (f *statusFlags) askStore(ctx context.Context, st store.Store, policy family.Policy) (reports []health.Report, at place, err error) {
	at = f.stores.place()
	names := []string{f.connection.name}
	if !f.one {
		known, err := f.stores.connections(ctx, st)
		switch {
		case errors.Is(err, store.ErrDenied):
			f.note = "Only " + f.connection.name + " was looked at, because the connections cannot be listed: " + err.Error()
		case len(known) > 0:
			names = known // else the one that every command means without the flag
		}
	}
	for _, name := range names {
		c := f.connection
		c.name = name
		conn := c.connection()
		conn.Policy = policy
		seen, path, err := f.stores.look(ctx, st, conn)
		if ctx.Err() != nil {
			return nil, at, ctx.Err()
		}
		if err != nil {
			reports = append(reports, health.Unseen(name, err, f.commands(name), time.Now()))
			continue
		}
		f.complete(ctx, st, conn, &seen, &at)
		if path != "" {
			g := *f
			g.connection.ledgerPath = path
			seen.Commands = g.commands(name)
		}
		reports = append(reports, seen.Report())
	}
	return reports, at, nil
}

// complete adds to a survey what the parameters of a tick do not tell.
func (f *statusFlags) complete(ctx context.Context, st store.Store, conn family.Connection, s *health.Survey, at *place) {
	s.Warning, s.Last, s.Commands = f.warning, min(lastWarning, f.warning), f.commands(conn.Name)
	s.Consent = consentOf(ctx, st, conn)
	if s.Verdict().State != health.NotFound {
		return
	}
	*at = f.stores.identify(ctx)
	s.Place, s.Local = at.String(), at.Store != "ssm"
	if known, err := f.stores.connections(ctx, st); err == nil {
		s.Similar = health.Similar(conn.Name, known)
	}
}

// commands are those that lead to a connection from here.
func (f *statusFlags) commands(connection string) health.Commands {
	flags, stack := "", f.stack
	if f.stores.place().Store != "ssm" {
		flags, stack = " --store "+f.stores.place().Store, ""
	}
	if f.connection.ledgerPath != "" {
		flags += " --ledger-path " + f.connection.ledgerPath
	}
	return health.CommandsFor(connection, flags, stack)
}

// consentOf is the pending consent; nil without one, or if it may not be read.
func consentOf(ctx context.Context, st store.Store, conn family.Connection) *health.Consent {
	service := consent.New(consent.Config{Store: st, Connections: []family.Connection{conn}, Now: time.Now})
	all, err := service.Status(ctx, consent.StatusRequest{Connection: conn.Name})
	if err != nil {
		return nil
	}
	return all.Connections[0].Unfinished()
}

// askFunction asks a deployed function.
func (f *statusFlags) askFunction(ctx context.Context) (asker, error) {
	cfg, err := awsConfig(ctx)
	if err != nil {
		return nil, err
	}
	client := lambdaclient.New(cfg, f.function)
	connection := ""
	if f.one {
		connection = f.connection.name
	}
	return func(ctx context.Context) ([]health.Report, place, error) {
		at := regionOf(cfg, os.Getenv)
		at.Store = "function:" + f.function
		answer, err := whileBusy(ctx, func() (health.Answer, error) { return client.Health(ctx, connection) })
		return answer.Connections, at, err
	}, nil
}

// whileBusy repeats a call while the function serves another one.
func whileBusy[T any](ctx context.Context, call func() (T, error)) (answer T, err error) {
	for range 10 {
		if answer, err = call(); err == nil || !lambdaclient.Busy(err) {
			return answer, err
		}
		pause(ctx, 2*time.Second)
	}
	return answer, err
}

// worst is the report that comes first.
func worst(reports []health.Report) health.Report {
	return slices.MaxFunc(reports, func(a, b health.Report) int {
		if a.Level != b.Level {
			return int(a.Level - b.Level)
		}
		return strings.Compare(b.Connection, a.Connection)
	})
}
