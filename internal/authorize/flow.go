package authorize

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Consent is the service behind the flow: consent.Service on a store, or the
// deployed function.
type Consent interface {
	Begin(context.Context, consent.BeginRequest) (consent.Begun, error)
	Complete(context.Context, consent.CompleteRequest) (consent.Completed, error)
	Status(context.Context, consent.StatusRequest) (consent.Status, error)
}

// Flow is one consent. All fields without a remark are needed.
type Flow struct {
	Consent    Consent
	Terminal   *terminal.Terminal
	Connection string
	// Scopes and RedirectURI as in consent.BeginRequest; an empty RedirectURI is
	// that of the last consent.
	Scopes      []string
	RedirectURI string
	// Listen is where the browser's answer is received, as host:port; empty
	// takes the place that the redirect URI names, if it is on this machine.
	Listen string
	// PasteOnly: nothing listens.
	PasteOnly bool
	// OpenBrowser leads the browser to an address; nil leaves it to the person.
	OpenBrowser func(ctx context.Context, address string) error
	// NewApp asks for client id and secret although they are stored.
	NewApp bool
	// Site and Confirm are decisions made beforehand; see consent.CompleteRequest.
	Site    string
	Confirm bool
	// Now is the clock.
	Now func() time.Time
	// Poll is how often a hosted consent is looked after; zero is every 3 s.
	Poll time.Duration
}

// completeTimeout bounds one completion: the exchange, three reads of Atlassian's
// API, and saving what it yields for as long as the store takes no writes.
const completeTimeout = 2 * time.Minute

// Run leads through the consent. Its error is terminal.ErrInterrupted or ctx's
// if the person gave up; then nothing in use has changed.
func (f *Flow) Run(ctx context.Context) (consent.Completed, error) {
	before, err := f.status(ctx)
	if err != nil {
		return consent.Completed{}, err
	}
	f.introduce(before)
	request := consent.BeginRequest{Connection: f.Connection, Scopes: f.Scopes, RedirectURI: f.RedirectURI}
	if !before.HasApp || f.NewApp {
		if err := f.askForApp(ctx, &request); err != nil {
			return consent.Completed{}, err
		}
	}
	begun, err := f.Consent.Begin(ctx, request)
	if err != nil {
		return consent.Completed{}, err
	}
	if begun.StartURL != "" {
		return f.hosted(ctx, before, begun)
	}
	answer, err := f.answer(ctx, begun)
	if err != nil {
		return consent.Completed{}, err
	}
	return f.complete(ctx, answer)
}

// introduce says what the consent is for, and what is in use until then.
func (f *Flow) introduce(now consent.ConnectionStatus) {
	f.Terminal.Say("A consent for %s, with the scopes\n  %s", f.Connection, strings.Join(f.Scopes, " "))
	if !now.UnderWay.IsZero() {
		f.Terminal.Say("Another consent for it is under way until %s. This one replaces it: the other one cannot be completed any more.", now.UnderWay.Local().Format("15:04"))
	}
	switch {
	case now.Refused:
		f.Terminal.Say("Atlassian refuses the tokens that are stored now.")
	case now.HasTokens:
		f.Terminal.Say("The tokens in use expire on %s, and stay in use until the new ones are stored.", now.FamilyExpiresAt.UTC().Format(time.DateOnly))
	}
}

// askForApp asks for the app's credentials.
func (f *Flow) askForApp(ctx context.Context, r *consent.BeginRequest) (err error) {
	f.Terminal.Say("\nClient id and secret are on the app's page \"Settings\" at\n  https://developer.atlassian.com/console/myapps/")
	if r.ClientID, err = ClientID(ctx, f.Terminal); err != nil {
		return err
	}
	for r.ClientSecret.IsZero() {
		if r.ClientSecret, err = f.Terminal.Secret(ctx, "Client secret (is not shown): "); err != nil {
			return fmt.Errorf("client secret: %w", err)
		}
	}
	return nil
}

// ClientID asks until something is given that can be a client id; in a pipe, a wrong one is an
// error. It becomes a part of addresses that are shown, so a secret is no client id.
func ClientID(ctx context.Context, t *terminal.Terminal) (string, error) {
	for {
		id, err := t.Line(ctx, "Client id: ")
		problem := consent.ClientIDProblem(id)
		switch {
		case err != nil:
			return "", fmt.Errorf("client id: %w", err)
		case id == "":
		case problem == "":
			return id, nil
		case !t.Interactive():
			return "", fmt.Errorf("client id: %s: expected the id that the developer console shows", problem)
		default:
			t.Say("That cannot be the client id: %s. Copy it from the developer console.", problem)
		}
	}
}

// complete puts the tokens in use, and asks for decisions until it is done.
func (f *Flow) complete(ctx context.Context, answer atlassian.Secret) (consent.Completed, error) {
	request := consent.CompleteRequest{Connection: f.Connection, RedirectURL: answer, Site: f.Site, Confirm: f.Confirm}
	for {
		if err := ctx.Err(); err != nil {
			return consent.Completed{}, err
		}
		f.Terminal.Say("Exchanging the code and storing the tokens …")
		done, err := f.completeOnce(ctx, request)
		if err == nil {
			return done, nil
		}
		if again, err := f.decide(ctx, err, &request); !again {
			return consent.Completed{}, err
		}
	}
}

func (f *Flow) completeOnce(ctx context.Context, r consent.CompleteRequest) (consent.Completed, error) {
	ctx, cancel := context.WithTimeout(ctx, completeTimeout)
	defer cancel()
	return f.Consent.Complete(ctx, r)
}

// expected describes a valid answer.
type expected struct {
	state atlassian.Secret
	// redirectURI is where the browser returns to.
	redirectURI string
}

// expect reads what is expected from the address to open.
func expect(authorizeURL string) (expected, error) {
	u, err := url.Parse(authorizeURL)
	if err != nil || u.Query().Get("state") == "" || u.Query().Get("redirect_uri") == "" {
		return expected{}, errors.New("the consent's address holds no state or no redirect URI: this program and the deployed function do not fit together; use the same version of both")
	}
	return expected{atlassian.NewSecret(u.Query().Get("state")), u.Query().Get("redirect_uri")}, nil
}
