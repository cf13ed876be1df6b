package authorize

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/loopback"
	"github.com/tokenkeeper/tokenkeeper/internal/terminal"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// errExpired ends the wait for the browser.
var errExpired = errors.New("nobody consented in time: nothing was changed; begin anew")

// answer shows the address to open, and waits for the address that the browser
// comes back with.
func (f *Flow) answer(ctx context.Context, begun consent.Begun) (atlassian.Secret, error) {
	state, err := stateOf(begun.AuthorizeURL)
	if err != nil {
		return atlassian.Secret{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, begun.ExpiresAt.Sub(f.Now()), errExpired)
	defer cancel()

	callback, err := f.listen(ctx, state)
	if err != nil {
		return atlassian.Secret{}, err
	}
	var received <-chan atlassian.Secret
	if callback != nil {
		defer callback.Close()
		received = callback.Answer()
	}
	f.show(ctx, begun, callback != nil)

	answer, err := f.wait(ctx, state, received)
	if errors.Is(context.Cause(ctx), errExpired) {
		err = errExpired
	}
	return answer, err
}

// listen receives the browser on this machine, if it can come here; nil if not.
func (f *Flow) listen(ctx context.Context, state atlassian.Secret) (*loopback.Callback, error) {
	address, local := loopback.Address(f.RedirectURI)
	if f.PasteOnly || !local && f.Listen == "" {
		return nil, nil
	}
	if f.Listen != "" {
		address = f.Listen
	}
	callback, err := loopback.Listen(ctx, address, f.RedirectURI, state)
	if err != nil && f.Listen != "" {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return callback, nil // where the address cannot be had, pasting still works
}

// show tells the person what to do.
func (f *Flow) show(ctx context.Context, begun consent.Begun, listening bool) {
	opened := false
	if f.OpenBrowser != nil {
		opened = f.OpenBrowser(ctx, begun.AuthorizeURL) == nil
	}
	if opened {
		f.Terminal.Say("\nYour browser opens Atlassian's page. If it does not, open this address:")
	} else {
		f.Terminal.Say("\nOpen this address in a browser that is signed in to the account to connect:")
	}
	f.Terminal.Say("\n  %s\n", begun.AuthorizeURL)
	f.Terminal.Say("Choose the site there and accept, before %s.", begun.ExpiresAt.Local().Format("15:04"))
	if listening {
		f.Terminal.Say("The answer comes here by itself. Should the browser show an error instead, because it is\non another machine, copy the whole address from its address bar and paste it here.")
	} else {
		f.Terminal.Say("The browser then shows an error: nothing answers at %s, and that is all right.\nCopy the whole address from its address bar and paste it here.", f.RedirectURI)
	}
}

// wait takes the first good answer: the callback's or a pasted one.
func (f *Flow) wait(ctx context.Context, state atlassian.Secret, received <-chan atlassian.Secret) (atlassian.Secret, error) {
	pasting, stopPasting := context.WithCancel(ctx)
	defer stopPasting()
	type pasted struct {
		address atlassian.Secret
		err     error
	}
	done := make(chan pasted, 1)
	go func() {
		address, err := f.paste(pasting, state)
		done <- pasted{address, err}
	}()
	select {
	case answer := <-received:
		stopPasting()
		<-done // the terminal is as it was
		return answer, nil
	case p := <-done:
		if errors.Is(p.err, terminal.ErrEnded) && received != nil {
			// Nobody can paste anything: the browser alone can answer.
			select {
			case answer := <-received:
				return answer, nil
			case <-ctx.Done():
				return atlassian.Secret{}, ctx.Err()
			}
		}
		return p.address, p.err
	}
}

// paste asks for the address until it is one that answers this consent.
func (f *Flow) paste(ctx context.Context, state atlassian.Secret) (atlassian.Secret, error) {
	for {
		address, err := f.Terminal.Secret(ctx, "Address (is not shown): ")
		switch {
		case errors.Is(err, terminal.ErrTooLong):
			f.Terminal.Say("%v. Paste the address alone.", err)
		case err != nil:
			return atlassian.Secret{}, err
		case address.IsZero():
		default:
			problem := checkAnswer(address, state)
			if problem == "" {
				return address, nil
			}
			f.Terminal.Say("%s", problem)
		}
	}
}

// checkAnswer says what is wrong with a pasted address, in words for the person
// who pasted it and without a part of it; empty if nothing is.
func checkAnswer(address, state atlassian.Secret) string {
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "That is no address. Copy all of the address bar, from http to the end."
	}
	query := u.Query()
	switch {
	case strings.HasSuffix(u.Path, "/authorize") && query.Get("client_id") != "":
		return "That is the address to open. Open it, accept, and copy the address that the browser shows then. If Atlassian shows an error there, the app lacks the redirect URI or one of the scopes: compare them with its page in the developer console, and begin anew."
	case query.Get("state") == "" || query.Get("code") == "" && query.Get("error") == "":
		return "That address holds no answer. Copy all of the address bar after you accepted: it has state= and code= in it."
	case subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(state.Reveal())) != 1:
		return "That answer belongs to another consent, perhaps an earlier one. Open the address above, and paste what it leads to."
	}
	return ""
}
