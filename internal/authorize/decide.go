package authorize

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
)

// decide reacts to a refused completion. Either the person decides something, and
// again says to repeat the request; or the error says how the consent ended.
func (f *Flow) decide(ctx context.Context, err error, r *consent.CompleteRequest) (again bool, _ error) {
	var refused *consent.Error
	if !errors.As(err, &refused) {
		return f.askAgain(ctx, err)
	}
	switch refused.Type {
	case consent.SiteNeeded, consent.SiteUnknown:
		return f.chooseSite(ctx, refused, r)
	case consent.SiteChanged, consent.AccountChanged, consent.ScopesMissing:
		return f.confirm(ctx, refused, r)
	case consent.ConnectionBusy, consent.StoreFailed:
		if interrupted := ctx.Err(); interrupted != nil {
			if waiting, err := f.waiting(context.WithoutCancel(ctx)); err == nil && waiting == nil {
				return false, interrupted // before anything was stored
			}
		}
		return f.retry(ctx, refused)
	case consent.AtlassianUnavailable:
		if now, err := f.status(ctx); err != nil || now.Waiting == nil && now.UnderWay.IsZero() {
			return false, refused // the code is spent, and nothing came of it
		}
		return f.retry(ctx, refused)
	case consent.AppRefused:
		return false, fmt.Errorf("%w (--new-app asks for client id and secret again)", refused)
	}
	return false, refused
}

// askAgain: how the consent ended is not known. The same request again is answered
// with that.
func (f *Flow) askAgain(ctx context.Context, err error) (again bool, _ error) {
	if ctx.Err() != nil || !f.Terminal.Interactive() {
		return false, err
	}
	f.Terminal.Say("%s", terminal.Printable(err.Error()))
	if yes, asked := f.Terminal.Confirm(ctx, "Ask again how it ended?"); asked != nil || !yes {
		return false, err
	}
	return true, nil
}

// chooseSite lets the person choose.
func (f *Flow) chooseSite(ctx context.Context, refused *consent.Error, r *consent.CompleteRequest) (bool, error) {
	if !f.Terminal.Interactive() {
		return false, fmt.Errorf("%w (--site chooses one)", refused)
	}
	now, err := f.status(ctx)
	if err != nil {
		return false, err
	}
	waiting := now.Waiting
	if waiting == nil || len(waiting.Sites) == 0 {
		return false, refused
	}
	var options []string
	for _, s := range waiting.Sites {
		option := fmt.Sprintf("%s  (%s, %s)", s.URL, s.Name, s.ID)
		if s.ID == now.CloudID {
			option += ", in use so far"
		}
		options = append(options, terminal.Printable(option))
	}
	f.Terminal.Say("%s\nName the one that you chose in the browser.", terminal.Printable(refused.Message))
	chosen, err := f.Terminal.Choose(ctx, "Which site?", options)
	if err != nil {
		return false, err
	}
	r.Site = waiting.Sites[chosen].ID
	return true, nil
}

// waiting are the received tokens that wait for a decision; nil without any.
func (f *Flow) waiting(ctx context.Context) (*consent.Waiting, error) {
	s, err := f.status(ctx)
	return s.Waiting, err
}

// confirm asks whether the difference is meant.
func (f *Flow) confirm(ctx context.Context, refused *consent.Error, r *consent.CompleteRequest) (bool, error) {
	if !f.Terminal.Interactive() {
		return false, fmt.Errorf("%w (--yes-changed accepts it)", refused)
	}
	f.Terminal.Say("%s", terminal.Printable(refused.Message))
	yes, err := f.Terminal.Confirm(ctx, "Use it all the same?")
	if err != nil {
		return false, err
	}
	if !yes {
		return false, fmt.Errorf("not confirmed: what was in use stays in use (%w)", refused)
	}
	r.Confirm = true
	return true, nil
}

// retry asks whether to try again; the code is not lost by it.
func (f *Flow) retry(ctx context.Context, refused *consent.Error) (bool, error) {
	if !f.Terminal.Interactive() {
		return false, refused
	}
	f.Terminal.Say("%s", terminal.Printable(refused.Message))
	if yes, err := f.Terminal.Confirm(ctx, "Try again?"); err != nil || !yes {
		return false, refused // it says more than that there was no answer
	}
	return true, nil
}
