package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// consent is the seed's procedure: a person consents, the code is exchanged,
// the four parameters are stored.
func (s *stage) consent(ctx context.Context) error {
	s.say("%s: a person consents, once a year", s.clock.Now().Format("2 January 2006"))
	code, err := s.em.Consent(atlassiantest.ConsentRequest{})
	if err != nil {
		return err
	}
	token, err := s.client.Exchange(ctx, s.app, code, callback)
	if err != nil {
		return err
	}
	names := family.NamesOf(connection)
	for _, p := range []struct {
		name  string
		value atlassian.Secret
	}{
		{names.ClientID, atlassian.NewSecret(s.app.ClientID)},
		{names.ClientSecret, s.app.ClientSecret},
		{names.AccessToken, token.Access},
		{names.RefreshToken, token.Refresh},
	} {
		if err := s.put(ctx, p.name, p.value); err != nil {
			return err
		}
		s.say("  stored %s", p.name)
	}
	return nil
}

// rotations are the first two hours on the schedule.
func (s *stage) rotations(ctx context.Context) error {
	s.say("\nIn this demonstration a tick comes every five minutes; these are the ticks that had something to do")
	if _, err := s.show(ctx, keeper.Rotated); err != nil {
		return err
	}
	for range 3 {
		if err := s.untilDue(ctx); err != nil {
			return err
		}
		if _, err := s.show(ctx, keeper.Rotated); err != nil {
			return err
		}
	}
	return nil
}

// untilDue ticks while there is nothing to do: 35 minutes.
func (s *stage) untilDue(ctx context.Context) error {
	for range 7 {
		if o := s.tick(ctx); o.Action != keeper.Idle {
			return fmt.Errorf("a tick between two rotations ended %s: %s", o.Action, o.Reason)
		}
	}
	return nil
}

// lostAnswer loses every answer of one tick after Atlassian has spent the token.
func (s *stage) lostAnswer(ctx context.Context) error {
	if err := s.untilDue(ctx); err != nil {
		return err
	}
	s.say("\nAtlassian spends the token, and every answer of the tick is lost on the way")
	if err := s.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop}); err != nil {
		return err
	}
	if _, err := s.show(ctx, keeper.InDoubt); err != nil {
		return err
	}
	s.em.ClearFaults()
	_, err := s.show(ctx, keeper.Replayed)
	return err
}

// killed ends the process between the answer and the first save.
func (s *stage) killed(ctx context.Context) error {
	if err := s.untilDue(ctx); err != nil {
		return err
	}
	s.say("\nThe process dies after the answer, before anything is saved; the next tick runs in a new one")
	at := s.clock.Now()
	s.dieAfterPost = true
	if o := s.tick(ctx); o.Action != keeper.Failed {
		return fmt.Errorf("the killed process ended %s: %s", o.Action, o.Reason)
	}
	s.say("  %s  (killed)", at.Format("15:04"))
	s.start("second")
	_, err := s.show(ctx, keeper.Replayed)
	return err
}

// overwritten puts the oldest token that is kept over the newest, as a backup
// that is restored does.
func (s *stage) overwritten(ctx context.Context) error {
	s.say("\nSomebody restores a backup of REFRESH_TOKEN; presenting that token would kill the family")
	name := family.NamesOf(connection).RefreshToken
	kept, err := s.store.History(ctx, name, 0)
	if err != nil {
		return err
	}
	if err := s.put(ctx, name, kept[0].Value); err != nil {
		return err
	}
	if _, err := s.show(ctx, keeper.Restored); err != nil {
		return err
	}
	_, err = s.show(ctx, keeper.Idle)
	return err
}

// warnings are the days ahead of the end at which ops want to hear of it.
var warnings = []float64{300, 200, 100, 60, 30, 14, 7, 1}

// year ticks until Atlassian's own limit ends the family.
func (s *stage) year(ctx context.Context) error {
	s.say("\nA year of ticks: the family's days remaining")
	next := 0
	for {
		o := s.tick(ctx)
		if o.FamilyDaysRemaining == nil {
			return fmt.Errorf("the countdown is missing: %s", o.Reason)
		}
		days := *o.FamilyDaysRemaining
		for next < len(warnings) && days <= warnings[next] {
			s.say("  %s  %3.0f days  %-37s generation %d", s.clock.Now().Format("2006-01-02"), days, bar(days), o.Generation)
			next++
		}
		switch {
		case o.Action == keeper.Refused && days <= 0:
			s.say("  %s  %3.0f days  %s: %s", s.clock.Now().Format("2006-01-02"), 0.0, o.Action, o.Reason)
			return nil
		case !o.Action.Healthy() || days < -1:
			return fmt.Errorf("with %.4f days remaining a tick ended %s: %s", days, o.Action, o.Reason)
		}
	}
}

func bar(days float64) string { return strings.Repeat("█", int(days/10+0.5)) }

// renewal is next year's consent.
func (s *stage) renewal(ctx context.Context) error {
	s.say("")
	if err := s.consent(ctx); err != nil {
		return err
	}
	o, err := s.show(ctx, keeper.Rotated)
	if err != nil {
		return err
	}
	if d := time.Duration(*o.FamilyDaysRemaining*24) * time.Hour; d < 364*24*time.Hour {
		return fmt.Errorf("after a new consent %.1f days remain, expected 365", *o.FamilyDaysRemaining)
	}
	s.say("  %.0f days remain again", *o.FamilyDaysRemaining)
	return nil
}
