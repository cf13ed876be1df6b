package consent

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// waiting are received tokens on their way into use: what CONSENT_TOKENS holds.
type waiting struct {
	underWay
	// At is when the request began that yielded them.
	At time.Time `json:"at"`
	// AccessExpiresAt is when the access token expires.
	AccessExpiresAt time.Time `json:"access_expires_at"`
	// Granted are the scopes; nil if the answer did not say.
	Granted []string `json:"granted,omitempty"`
	// Needs is the type of the error that they wait because of.
	Needs ErrorType `json:"needs,omitempty"`
	// Sites that they reach, where known.
	Sites []Site `json:"sites,omitempty"`

	refresh, access atlassian.Secret
}

func received(u underWay, token atlassian.Token, at time.Time) *waiting {
	return &waiting{underWay: u, At: at.UTC(), AccessExpiresAt: token.ExpiresAt(at).UTC(), Granted: token.Scopes,
		refresh: token.Refresh, access: token.Access}
}

func (w *waiting) token() atlassian.Token {
	return atlassian.Token{Refresh: w.refresh, Access: w.access, ExpiresIn: w.AccessExpiresAt.Sub(w.At), Scopes: w.Granted}
}

func (w *waiting) until() time.Time { return w.At.Add(WaitingLifetime) }

// outdated reports whether the tokens are no longer the newest of the family in
// use, or it is of a later consent: a completion whose last step, the deletion,
// failed, or was interrupted before. Putting a token that was rotated back in
// use would kill the family.
func (w *waiting) outdated(now family.Snapshot) bool {
	mine, r := family.FingerprintOf(w.refresh), now.State.Record
	return r.Refresh != mine && (r.Past.Has(mine) || !r.AuthorizedAt.Before(w.At.Truncate(time.Millisecond)))
}

// encode gives the value of the parameter. A pair that does not fit into one is
// kept without its access token; then it can be put in use by its process only.
func (w *waiting) encode() atlassian.Secret {
	form := struct {
		*waiting
		secrets
	}{w, secrets{ClientID: w.app.ClientID, ClientSecret: w.app.ClientSecret.Reveal(), Refresh: w.refresh.Reveal(), Access: w.access.Reveal()}}
	value := encode(form)
	if value.Len() > store.MaxValueBytes {
		form.Access = ""
		value = encode(form)
	}
	return value
}

func parseWaiting(e store.Entry, connection string) *waiting {
	var v struct {
		waiting
		secrets
	}
	if e.Version == 0 || json.Unmarshal([]byte(e.Value.Reveal()), &v) != nil || v.Schema != schema || v.Connection != connection {
		return nil
	}
	w := v.waiting
	w.app = atlassian.App{ClientID: v.ClientID, ClientSecret: atlassian.NewSecret(v.ClientSecret)}
	w.refresh, w.access = atlassian.NewSecret(v.Refresh), atlassian.NewSecret(v.Access)
	if v.Refresh == "" || v.Access == "" {
		return nil
	}
	return &w
}

// newest returns the tokens that wait: those that this process received and
// could not store, or the stored ones; nil when they are too old.
func (s *Service) newest(connection string, stored *waiting) *waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.received[connection]
	if w == nil || stored != nil && stored.At.After(w.At) {
		w = stored
	}
	if w == nil || !s.Now().Before(w.until()) {
		return nil
	}
	kept := *w
	return &kept
}

// setAside stores received tokens before anything else happens to them, and
// keeps them in memory where that fails.
func (s *Service) setAside(ctx context.Context, k known, w *waiting) {
	var err error
	for attempt := range 3 {
		if attempt > 0 {
			s.Keeper.Sleep(ctx, time.Duration(attempt)*500*time.Millisecond)
		}
		if _, err = s.Store.Write(ctx, k.names.ConsentTokens, w.encode(), store.Encrypted); err == nil || errors.Is(err, store.ErrTooLarge) {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.received, k.conn.Name)
	if err != nil {
		s.received[k.conn.Name] = w
		s.Log.Error("received tokens could not be set aside, and are kept in memory", "connection", k.conn.Name, "error", err)
	}
}

// forget removes tokens that are in use by now, or of no use.
func (s *Service) forget(ctx context.Context, k known) {
	s.mu.Lock()
	delete(s.received, k.conn.Name)
	s.mu.Unlock()
	if err := s.Store.Delete(ctx, k.names.ConsentTokens); err != nil && !errors.Is(err, store.ErrNotFound) {
		s.Log.Warn("the parameter of a consent that is over could not be deleted: the next consent overwrites it",
			"parameter", k.names.ConsentTokens, "error", err)
	}
}
