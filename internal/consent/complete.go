package consent

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// readTimeout bounds one read of Atlassian's API.
const readTimeout = 7 * time.Second

// Complete exchanges the code and puts the tokens in use, once they are known to
// be right. What it refuses changes nothing that is in use; see ErrorType for what
// to do then. A repeated request gets the result of the first one.
func (s *Service) Complete(ctx context.Context, r CompleteRequest) (Completed, error) {
	back, err := r.callback()
	if err != nil {
		return Completed{}, err
	}
	if !back.state.IsZero() && back.state.Len() != secretLength || back.state.IsZero() && r.Browser.Len() != secretLength {
		return Completed{}, expired()
	}
	all, err := s.addressed(ctx, r, back.state)
	if err != nil {
		return Completed{}, err
	}
	for _, k := range all {
		c := completion{Service: s, known: k, request: r, back: back}
		if c.completed(back.state, r) && !c.mayBeLeft(back.state, r) {
			return c.answer(ctx)
		}
		mine, err := c.recognise()
		if err != nil {
			return Completed{}, err
		}
		if mine {
			return c.finish(ctx)
		}
	}
	return Completed{}, notFound(s.Log, all)
}

// answer is given to a request whose consent is complete. Where the ledger was deleted, a
// refresh token must be stored still.
func (c *completion) answer(ctx context.Context) (Completed, error) {
	if c.state.Empty() {
		entries, err := c.Store.Read(ctx, c.names.RefreshToken)
		if err != nil {
			return Completed{}, refuse(StoreFailed, "%s cannot be read, and nothing has happened: %v; repeat the request", c.names.RefreshToken, err)
		}
		if family.FieldOf(entries[c.names.RefreshToken]).Value.IsZero() {
			return Completed{}, expired()
		}
	}
	if c.waits != nil && c.waits.over(c.state.Record) {
		c.forget(ctx, c.known, "", c.state.Record)
	}
	c.storeApp(ctx, c.state)
	return c.outcome(c.record(), nil), nil
}

// storeApp stores the app of a complete consent where it is in the ledger only: whoever put
// the tokens in use was interrupted.
func (c *completion) storeApp(ctx context.Context, in family.State) {
	if in.App != nil {
		c.Keeper.PublishApp(ctx, c.conn, c.Log)
	}
}

// notFound is the error of a request that is about no consent that is known.
func notFound(log *slog.Logger, all []known) error {
	if i := slices.IndexFunc(all, func(k known) bool { return k.broken != nil }); i >= 0 {
		log.Warn("it is not known whether a consent is complete", "connection", all[i].conn.Name, "error", all[i].broken)
		return refuse(StoreFailed, "how this consent ended cannot be read at the moment, and nothing has happened: repeat the request in a minute; if that goes on, begin again")
	}
	return expired()
}

// addressed loads the connections that a request can be about.
func (s *Service) addressed(ctx context.Context, r CompleteRequest, state atlassian.Secret) ([]known, error) {
	if r.Page {
		all, err := s.visit(ctx, func(k known) bool {
			return k.completed(state, r) || k.waits != nil && k.waits.answers(state, r) || k.under != nil && k.under.State.of(state)
		})
		return slices.DeleteFunc(all, func(k known) bool { return r.Connection != "" && k.conn.Name != r.Connection }), err
	}
	conns, err := s.meant(ctx, r.Connection)
	if err != nil {
		return nil, err
	}
	return s.load(ctx, conns...)
}

// errDone: another request has completed the consent.
var errDone = errors.New("the consent is complete")

// completion is one consent that one request completes.
type completion struct {
	*Service
	known
	request CompleteRequest
	back    callback
	// id identifies the consent in the ledger.
	id string
}

// recognise reports whether the request is about this connection's consent: about
// waiting tokens, or about the pending consent.
func (c *completion) recognise() (bool, error) {
	switch {
	case c.waits != nil && c.waits.answers(c.back.state, c.request):
		if err := c.waits.checkCallback(c.back); err != nil {
			return false, err
		}
		c.id = c.waits.id()
	case c.under != nil && c.under.State.of(c.back.state) && (c.under.hosted() || !c.request.Page):
		if err := c.under.checkCallback(c.back, c.request.Browser); err != nil {
			return false, err
		}
		c.waits, c.id = nil, c.under.id()
	default:
		return false, nil
	}
	return true, nil
}

// finish does the rest under the keeper's eyes: claim, exchange, set aside, check,
// put in use.
func (c *completion) finish(ctx context.Context) (Completed, error) {
	defer c.recent.forget() // what the next request is about has changed
	var sites []Site
	var w *waiting
	record, err := c.Keeper.Consent(ctx, c.conn, c.Log, func(ctx context.Context, now family.Snapshot) (keeper.Grant, error) {
		began := c.Now()
		var err error
		switch {
		case now.State.Record.Consent == c.id:
			err = errDone
		case c.waits == nil:
			w, err = c.exchange(ctx, now, began)
		default:
			w = c.waits
			err = c.resume(ctx, w, now)
		}
		if err != nil {
			return keeper.Grant{}, err
		}
		f := facts{asked: w.Scopes, granted: w.Granted, site: c.request.Site, confirmed: c.request.Confirm}
		if err := c.gather(ctx, w, now, &f); err != nil {
			return keeper.Grant{}, c.wait(ctx, w, err)
		}
		site, refused := f.admit()
		if refused != nil {
			w.Sites = f.sites
			return keeper.Grant{}, c.wait(ctx, w, refused)
		}
		sites = f.sites
		return keeper.Grant{ID: c.id, RedirectURI: w.RedirectURI, Token: w.token(), At: w.At, Account: f.account,
			CloudID: site.ID, SiteURL: site.URL, App: w.newApp(now)}, nil
	})
	if err != nil {
		if record, err = c.refused(ctx, w, err); err != nil {
			return Completed{}, err
		}
	}
	c.forget(ctx, c.known, c.id, record)
	return c.outcome(record, sites), nil
}

// resume goes on with tokens that waited, if they may still be put in use.
func (c *completion) resume(ctx context.Context, w *waiting, now family.Snapshot) error {
	if err := w.ended(now); err != nil {
		c.forget(ctx, c.known, c.id, now.State.Record)
		return err
	}
	if w.aside != nil {
		c.setAside(ctx, w, shortPatience)
	}
	return nil
}

// exchange claims the consent and trades its code for tokens, which it sets aside.
func (c *completion) exchange(ctx context.Context, now family.Snapshot, began time.Time) (*waiting, error) {
	fresh, err := c.load(ctx, c.conn)
	if err != nil {
		return nil, err
	}
	u := fresh[0].under
	if u == nil || u.State != c.under.State || u.Browser != c.under.Browser {
		return nil, expired()
	}
	app := u.app
	if app.ClientID == "" {
		if app = now.App(); app.ClientID == "" || app.ClientSecret.IsZero() {
			return nil, refuse(AppMissing, "%s or %s has vanished: store the app's client id and secret and repeat the request", c.names.ClientID, c.names.ClientSecret)
		}
	}
	if err := c.claim(ctx, c.known); err != nil {
		return nil, err
	}
	token, sent, unused, err := c.trade(ctx, app, c.back.code, u.RedirectURI)
	if unused {
		restore(ctx, c.Service, c.known) // the same request can be repeated
	}
	if err != nil {
		return nil, err
	}
	if token.Refresh.IsZero() {
		return nil, refuse(NoRefreshToken, "Atlassian granted no refresh token, so nothing was stored: offline_access must be among the scopes that are asked for; consent again")
	}
	w := received(*u, token, now.Now.Add(sent.Sub(began)))
	w.Code = digestOf(c.back.code)
	c.setAside(ctx, w, shortPatience)
	return w, nil
}

// tradePauses are the waits before the exchange is tried again. A code works
// once, so a repetition does no harm: if the first request arrived, it is refused.
var tradePauses = []time.Duration{0, time.Second, 3 * time.Second}

// trade exchanges the code. sent is when the successful request began: of two consents at
// once, the one that Atlassian granted last is the newer. unused: as far as is known, Atlassian
// did not look at the code.
func (c *completion) trade(ctx context.Context, app atlassian.App, code atlassian.Secret, redirectURI string) (token atlassian.Token, sent time.Time, unused bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, family.PostTimeout)
	defer cancel()
	var failed *atlassian.Error
	var perhapsUsed bool
	for _, pause := range tradePauses {
		if pause > 0 {
			c.Keeper.Sleep(ctx, pause)
		}
		sent = c.Now()
		if token, err = c.Atlassian.Exchange(ctx, app, code, redirectURI); err == nil {
			return token, sent, false, nil
		}
		if !errors.As(err, &failed) {
			failed = &atlassian.Error{Op: "exchange", Class: atlassian.Ambiguous, Sent: true, Err: err}
		}
		perhapsUsed = perhapsUsed || failed.Class == atlassian.Ambiguous
		if failed.Class == atlassian.RestartConsent || ctx.Err() != nil {
			break
		}
	}
	switch {
	case failed.Class == atlassian.RestartConsent:
		err = refuse(CodeRefused, "Atlassian refused the authorization code: it was used, is a few minutes old, or belongs to another app; consent again (%v)", failed)
	case failed.Class == atlassian.Configuration:
		err = refuse(AppRefused, "Atlassian refused the app's client id or secret, or the account is inactive: check them in the developer console; if they are right, repeat the request, otherwise consent again (%v)", failed)
	case perhapsUsed:
		err = refuse(AtlassianUnavailable, "Atlassian did not answer as it should, so the consent failed: consent again (%v)", failed)
	default:
		err = refuse(AtlassianUnavailable, "Atlassian did not look at the code: repeat the request within a few minutes, or consent again (%v)", failed)
	}
	return atlassian.Token{}, sent, !perhapsUsed && failed.Class != atlassian.RestartConsent, err
}

// gather asks for what the decision needs to know.
func (c *completion) gather(ctx context.Context, w *waiting, now family.Snapshot, f *facts) *Error {
	var err error
	if f.sites, err = c.sites(ctx, w); err != nil {
		return refuse(AtlassianUnavailable, "the tokens are received and set aside, but Atlassian does not say which sites they reach: repeat the request within the hour (%v)", err)
	}
	if f.account, err = c.account(ctx, w); err != nil {
		return refuse(AtlassianUnavailable, "the tokens are received and set aside, but Atlassian does not say whose they are: repeat the request within the hour (%v)", err)
	}
	entries, err := c.Store.Read(ctx, c.names.CloudID)
	if err != nil {
		return refuse(StoreFailed, "the tokens are received and set aside, but %s cannot be read: %v; repeat the request within the hour", c.names.CloudID, err)
	}
	f.previousSite = family.FieldOf(entries[c.names.CloudID]).Value.Reveal()
	known := inUse(now.State, now.Told())
	f.previousAccount, f.inUse = known.Account, known.Scopes
	if f.previousSite == "" {
		f.previousSite = known.CloudID
	}
	if f.previousSite == known.CloudID {
		f.previousURL = known.SiteURL
	}
	if f.previousAccount == "" {
		f.previousAccount = subject(now.AccessToken.Value)
	}
	return nil
}

// sitesPauses are the waits before the sites are asked for again: for a moment
// after a consent Atlassian may list none.
var sitesPauses = []time.Duration{time.Second, 2 * time.Second}

// sites lists the sites that the tokens reach.
func (c *completion) sites(ctx context.Context, w *waiting) ([]Site, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		resources, err := c.Atlassian.AccessibleResources(ctx, w.access)
		if err != nil {
			return nil, err
		}
		if sites := sitesOf(resources); len(sites) > 0 || attempt == len(sitesPauses) || ctx.Err() != nil {
			return sites, nil
		}
		c.Keeper.Sleep(ctx, sitesPauses[attempt])
	}
}

// account returns the fingerprint of the account's id: as the access token
// tells, or Atlassian where the scopes allow to ask; otherwise empty.
func (c *completion) account(ctx context.Context, w *waiting) (family.Fingerprint, error) {
	if id := subject(w.access); id != "" || !slices.Contains(w.Granted, "read:me") {
		return id, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	answer, err := c.Atlassian.Get(ctx, w.access, "/me")
	if err != nil {
		return "", err
	}
	var me struct {
		ID string `json:"account_id"`
	}
	_ = json.Unmarshal(answer.Body, &me)
	return family.FingerprintOf(atlassian.NewSecret(me.ID)), nil
}

func subject(access atlassian.Secret) family.Fingerprint {
	claims, _ := atlassian.Claims(access)
	return family.FingerprintOf(atlassian.NewSecret(claims.Subject))
}

// wait leaves received tokens for the repeated request. It gives them up where no
// repetition can help, or where a newer consent's tokens wait.
func (c *completion) wait(ctx context.Context, w *waiting, why *Error) *Error {
	if why.Type == NoSite {
		c.forget(ctx, c.known, c.id, family.Record{})
		return why
	}
	if c.newerWait(ctx, w) {
		return expired()
	}
	w.Needs, why.Connection, why.Consent = why.Type, c.conn.Name, string(w.State)
	if c.setAside(ctx, w, longPatience); w.aside != nil {
		return refuse(StoreFailed, "%s; but only this process remembers the received tokens, since %s cannot be written: %v; mend that at once and repeat the same request, or consent again", why.Message, c.names.ConsentTokens, w.aside)
	}
	return why
}

// refused turns an error of the keeper into one of ours, if not all is well: the
// ledger may say that the consent is complete.
func (c *completion) refused(ctx context.Context, w *waiting, err error) (family.Record, error) {
	var ours *Error
	if !errors.As(err, &ours) {
		if now, failed := c.load(context.WithoutCancel(ctx), c.conn); failed == nil && now[0].record().Consent == c.id {
			c.storeApp(ctx, now[0].state)
			return now[0].record(), nil
		}
	}
	unsaved := errors.As(err, new(*keeper.ConsentUnsavedError))
	switch {
	case ours != nil:
	case errors.As(err, new(*keeper.ConsentBusyError)):
		ours = refuse(ConnectionBusy, "%s is busy: %v; nothing has happened, so repeat the request in a minute", c.conn.Name, err)
	case unsaved && w.aside != nil:
		ours = refuse(StoreFailed, "%v; only this process remembers them, since %s does not hold them either: %v; mend the cause at once and repeat the same request, or consent again", err, c.names.ConsentTokens, w.aside)
	case unsaved:
		ours = refuse(StoreFailed, "%v; they are set aside, so mend the cause and repeat the same request within the hour", err)
	default:
		ours = refuse(StoreFailed, "the consent did not begin to be stored, and the code was not used: %v; repeat the request", err)
	}
	c.Log.Warn("a consent was not completed", "connection", c.conn.Name, "type", ours.Type, "reason", ours.Message)
	return family.Record{}, ours
}
