package consent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// waiting are received tokens that are not in use yet. CONSENT_TOKENS holds them from their
// arrival to their entry in the ledger, also while a person decides.
type waiting struct {
	underWay
	// Code is the digest of the authorization code; empty where an earlier version wrote.
	Code digest `json:"code,omitempty"`
	// At is when the request began that yielded them, by the store's clock.
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
	// aside is why they are not set aside; nil if they are.
	aside error
}

func received(u underWay, token atlassian.Token, at time.Time) *waiting {
	return &waiting{underWay: u, At: at.UTC().Truncate(time.Millisecond), AccessExpiresAt: token.ExpiresAt(at).UTC(), Granted: token.Scopes,
		refresh: token.Refresh, access: token.Access, aside: errNotYet}
}

// Why tokens are not set aside, besides what the store says.
var (
	errNotYet  = errors.New("they have just arrived")
	errNewer   = errors.New("a newer consent's tokens wait there")
	errRemoved = errors.New("they were removed from there")
)

// token is what the exchange yielded. An answer that names no scopes grants those
// that were asked for (RFC 6749 section 5.1).
func (w *waiting) token() atlassian.Token {
	t := atlassian.Token{Refresh: w.refresh, Access: w.access, ExpiresIn: w.AccessExpiresAt.Sub(w.At), Scopes: w.Granted}
	if t.Scopes == nil {
		t.Scopes = w.Scopes
	}
	return t
}

// newApp is the app to store with these tokens; zero where the stored one stays. A secret
// of the same app that was stored since they arrived is newer.
func (w *waiting) newApp(now family.Snapshot) atlassian.App {
	same := w.app.ClientID == now.ClientID.Value.Reveal()
	if same && !now.ClientSecret.Value.IsZero() && now.ClientSecret.Modified.After(w.At) {
		return atlassian.App{}
	}
	return w.app
}

func (w *waiting) until() time.Time { return w.At.Add(WaitingLifetime) }

// superseded reports whether these tokens are or were in use, or a family is in use that began
// after them. The store's clock tells whole seconds. So a family that seems to have begun within
// a second after them may have begun before.
func (w *waiting) superseded(in family.Record) bool {
	mine := family.FingerprintOf(w.refresh)
	return in.Refresh == mine || in.Past.Has(mine) || in.AuthorizedAt.After(w.At.Add(time.Second))
}

func (w *waiting) same(as *waiting) bool { return w.id() == as.id() }

// over reports whether these tokens are those of the family in use, or older.
func (w *waiting) over(in family.Record) bool { return w.id() == in.Consent || w.superseded(in) }

// ended is nil while these tokens may be put in use. Otherwise it says that they are in use, or
// that others took their place. If the ledger is empty, TOKEN_FAMILY and the age of REFRESH_TOKEN
// tell. If no refresh token is stored either, nothing is left to lose.
func (w *waiting) ended(now family.Snapshot) error {
	told := inUse(now.State, now.Told())
	switch {
	case w.superseded(now.State.Record):
		return expired()
	case !now.State.Empty() || now.RefreshToken.Value.IsZero():
		return nil
	case told.Consent == w.id():
		return errDone
	case w.superseded(told) || now.RefreshToken.Modified.After(w.At):
		return expired()
	}
	return nil
}

// encode gives the value of the parameter.
func (w *waiting) encode() atlassian.Secret {
	return encode(struct {
		*waiting
		secrets
	}{w, secrets{ClientID: w.app.ClientID, ClientSecret: w.app.ClientSecret.Reveal(), Refresh: w.refresh.Reveal(), Access: w.access.Reveal()}})
}

func parseWaiting(e store.Entry, connection string) *waiting {
	var v struct {
		waiting
		secrets
	}
	if json.Unmarshal([]byte(e.Value.Reveal()), &v) != nil || v.Schema != schema || v.Connection != connection || v.Refresh == "" || v.Access == "" {
		return nil
	}
	w := v.waiting
	w.app = atlassian.App{ClientID: v.ClientID, ClientSecret: atlassian.NewSecret(v.ClientSecret)}
	w.refresh, w.access = atlassian.NewSecret(v.Refresh), atlassian.NewSecret(v.Access)
	return &w
}

// setAside stores received tokens before anything else happens to them. That is a precaution. If
// it fails, this very request can still put them in use, or its repetition in this process.
// Tokens that were set aside before stay so, and a newer consent's keep their place.
func (c *completion) setAside(ctx context.Context, w *waiting, patience time.Duration) {
	switch {
	case w.aside == nil:
		patience = shortPatience
	case c.newerWait(ctx, w):
		w.aside = errNewer
		return
	}
	err := c.persist(ctx, patience, func() error {
		_, err := c.Store.Write(ctx, c.names.ConsentTokens, w.encode(), store.Encrypted)
		return err
	})
	if err != nil {
		c.Log.Error("received tokens could not be set aside", "connection", c.conn.Name, "error", err)
	}
	if w.aside != nil {
		w.aside = err
	}
	c.remembered.keep(c.conn.Name, *w)
}

// newerWait reports whether tokens of a newer consent wait, whose place w must not take.
func (c *completion) newerWait(ctx context.Context, w *waiting) bool {
	other, err := c.aside(ctx, c.Store)
	return err == nil && other != nil && other.id() != c.id && other.At.After(w.At)
}

// remembered are the newest tokens that this process has received for each connection, until
// they are in use or expire. They may be all that is left: the store may take no writes, or
// another consent may delete them by mistake.
type remembered struct {
	mu  sync.Mutex
	all map[string]waiting
}

func (r *remembered) keep(connection string, w waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[string]waiting{}
	}
	r.all[connection] = w
}

// newest returns the newer of the stored tokens and those remembered; nil without any.
func (r *remembered) newest(connection string, stored *waiting) *waiting {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.all[connection]
	if !ok || stored != nil && (stored.id() == w.id() || stored.At.After(w.At)) {
		return stored
	}
	w.aside = cmp.Or(w.aside, errRemoved)
	return &w
}

// drop forgets remembered tokens that are over.
func (r *remembered) drop(connection string, over func(*waiting) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w, ok := r.all[connection]; ok && over(&w) {
		delete(r.all, connection)
	}
}

// aside reads the tokens that are set aside, of whichever consent; nil without any.
func (k known) aside(ctx context.Context, from store.Store) (*waiting, error) {
	entries, err := from.Read(ctx, k.names.ConsentTokens)
	return parseWaiting(entries[k.names.ConsentTokens], k.conn.Name), err
}

// forget removes the tokens that are set aside, if they are those of the consent id, have
// expired, or are those of the family in, or older. Others may have come since, and stay. No
// store deletes one version only: what comes between the reading and the deletion is deleted too,
// and the process that received it remembers it. If the removal fails, that does no harm:
// superseded recognises the tokens, and the next consent removes them.
func (s *Service) forget(ctx context.Context, k known, id string, in family.Record) {
	ctx = context.WithoutCancel(ctx)
	over := func(w *waiting) bool { return w.id() == id || !k.at.Before(w.until()) || w.over(in) }
	s.remembered.drop(k.conn.Name, over)
	err := s.persist(ctx, shortPatience, func() error {
		w, err := k.aside(ctx, s.Store)
		if err != nil || w != nil && !over(w) {
			return err
		}
		return s.Store.Delete(ctx, k.names.ConsentTokens)
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.Log.Warn("the parameter of a consent that is over could not be deleted: the next consent removes it",
			"parameter", k.names.ConsentTokens, "error", err)
	}
}

// How long a write or a delete is tried again: while other things can still be done, and
// where received tokens depend on it.
const (
	shortPatience = 1500 * time.Millisecond
	longPatience  = 15 * time.Second
)

// persist tries a write or a delete until patience is over, where that can help.
func (s *Service) persist(ctx context.Context, patience time.Duration, do func() error) error {
	const step = 500 * time.Millisecond
	for pause := step; ; pause += step {
		err := do()
		if err == nil || errors.Is(err, store.ErrTooLarge) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDenied) || patience < pause {
			return err
		}
		s.Keeper.Sleep(ctx, pause)
		patience -= pause
	}
}
