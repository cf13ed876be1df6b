package authorize

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// How a hosted consent is watched. Between its claim and its end a consent shows
// nowhere for as long as a completion takes.
const (
	defaultPoll = 3 * time.Second
	endPatience = time.Minute
)

// hosted leads to the deployed pages, which ask for everything, and waits until
// new tokens are in use. before is the connection's status until now.
func (f *Flow) hosted(ctx context.Context, before consent.ConnectionStatus, begun consent.Begun) (consent.Completed, error) {
	f.showLink(ctx, begun)
	told := false
	for quietSince := f.Now(); ; {
		if err := f.pause(ctx); err != nil {
			return consent.Completed{}, fmt.Errorf("stopped waiting, and not the consent: the link works until %s", begun.ExpiresAt.Local().Format("15:04"))
		}
		now, err := f.status(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			return consent.Completed{}, fmt.Errorf("the consent may be complete, but cannot be asked for: %w", err)
		case completed(before, now):
			return consent.Completed{Connection: f.Connection, CloudID: now.CloudID, Scopes: now.Scopes,
				AuthorizedAt: now.AuthorizedAt, FamilyExpiresAt: now.FamilyExpiresAt}, nil
		case now.Waiting != nil:
			if quietSince = f.Now(); !told {
				f.Terminal.Say("The page asks for a decision; nothing is in use before it is made.")
				told = true
			}
		case !now.UnderWay.IsZero():
			quietSince = f.Now()
		case f.Now().Sub(quietSince) > endPatience:
			return consent.Completed{}, errors.New("the consent ended without new tokens, and nothing was changed: the page says why; begin again")
		}
	}
}

// completed reports whether a consent has begun the family in use since before. Tokens that
// somebody stored and a tick has adopted come from no consent of ours. A function of an earlier
// version does not tell the source.
func completed(before, now consent.ConnectionStatus) bool {
	return now.AuthorizedAt.After(before.AuthorizedAt) && (now.AuthorizedAtSource == family.FromConsent || now.AuthorizedAtSource == "")
}

// showLink tells the person where it goes on.
func (f *Flow) showLink(ctx context.Context, begun consent.Begun) {
	if f.OpenBrowser != nil && f.OpenBrowser(ctx, begun.StartURL) == nil {
		f.Terminal.Say("\nYour browser opens the consent's page. If it does not, open this link:")
	} else {
		f.Terminal.Say("\nOpen this link in the browser that is to consent. It works in the first one that opens it:")
	}
	f.Terminal.Say("\n  %s\n", begun.StartURL)
	f.Terminal.Say("It works until %s. The page leads on from there; this waits for the end …", begun.ExpiresAt.Local().Format("15:04"))
}

// status is the connection's.
func (f *Flow) status(ctx context.Context) (consent.ConnectionStatus, error) {
	s, err := f.Consent.Status(ctx, consent.StatusRequest{Connection: f.Connection})
	if err != nil || len(s.Connections) != 1 {
		return consent.ConnectionStatus{}, err
	}
	return s.Connections[0], nil
}

// pause waits until the next look.
func (f *Flow) pause(ctx context.Context) error {
	poll := f.Poll
	if poll == 0 {
		poll = defaultPoll
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(poll):
		return nil
	}
}
