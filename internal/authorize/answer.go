package authorize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/loopback"
	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// errExpired ends the wait for the browser.
var errExpired = errors.New("nobody consented in time: nothing was changed; begin again")

// answer shows the address to open, and waits for the address that the browser
// comes back with.
func (f *Flow) answer(ctx context.Context, begun consent.Begun) (atlassian.Secret, error) {
	e, err := expect(begun.AuthorizeURL)
	if err != nil {
		return atlassian.Secret{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, begun.ExpiresAt.Sub(f.Now()), errExpired)
	defer cancel()

	callback, err := f.listen(ctx, e)
	if err != nil {
		return atlassian.Secret{}, err
	}
	var received <-chan atlassian.Secret
	if callback != nil {
		defer callback.Close()
		received = callback.Answer()
	}
	f.show(ctx, begun, e, callback != nil)

	answer, err := f.wait(ctx, e, received)
	if errors.Is(context.Cause(ctx), errExpired) {
		err = errExpired
	}
	return answer, err
}

// listen receives the browser on this machine, if it can come here; nil if not.
func (f *Flow) listen(ctx context.Context, e expected) (*loopback.Callback, error) {
	address, local := loopback.Address(e.redirectURI)
	if f.PasteOnly || !local && f.Listen == "" {
		return nil, nil
	}
	if f.Listen != "" {
		address = f.Listen
	}
	callback, err := loopback.Listen(ctx, address, e.redirectURI, e.state)
	switch {
	case err == nil:
		return callback, nil
	case f.Listen != "":
		return nil, fmt.Errorf("--listen: %w", err)
	case errors.Is(err, syscall.EADDRINUSE):
		f.Terminal.Say("\n%s is taken: another program listens there, perhaps tokenkeeper in another terminal.\nThe answer does not come here by itself. End that program, or paste the address as told below.", address)
	case errors.Is(err, fs.ErrPermission):
		f.Terminal.Say("\nThis program may not listen at %s, so the answer does not come here by itself.", address)
	}
	return nil, nil // pasting still works
}

// show tells the person what to do.
func (f *Flow) show(ctx context.Context, begun consent.Begun, e expected, listening bool) {
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
		f.Terminal.Say("The browser then shows an error: nothing answers at %s, and that is all right.\nCopy the whole address from its address bar and paste it here.", e.redirectURI)
	}
}

// wait takes the first good answer: the callback's or a pasted one.
func (f *Flow) wait(ctx context.Context, e expected, received <-chan atlassian.Secret) (atlassian.Secret, error) {
	pasting, stopPasting := context.WithCancel(ctx)
	defer stopPasting()
	type pasted struct {
		address atlassian.Secret
		err     error
	}
	done := make(chan pasted, 1)
	go func() {
		address, err := f.paste(pasting, e)
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
