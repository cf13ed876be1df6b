package keeper

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	protocol "github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// Options of a Keeper. The zero Options are for production.
type Options struct {
	// Endpoint is how Atlassian is asked; nil means &atlassian.Client{}. Give the
	// client your own HTTPClient for a proxy, certificates or tracing. Its transport
	// must not repeat a request. One that lists sites too, as the client does, is
	// asked once a day whether the site of CLOUD_ID is still reached; see
	// Outcome.SiteLost.
	Endpoint TokenEndpoint
	// Log receives what is done, without secrets; nil discards it.
	Log *slog.Logger
	// Now is the clock; nil means time.Now. The deadline of a context is compared with
	// it, so under a clock of your own make deadlines by that.
	Now func() time.Time
}

// TokenEndpoint presents refresh tokens; *atlassian.Client is one.
type TokenEndpoint interface {
	// Refresh presents a refresh token once. Its errors are of *atlassian.Error, whose
	// Class says what is known about the token; any other means that the answer is
	// lost.
	Refresh(ctx context.Context, app atlassian.App, refresh secret.Secret) (atlassian.Token, error)
}

// Keeper keeps token families alive. Make one for each process and keep it: it
// remembers what it received and could not save yet. Its methods may be called
// concurrently; calls for one connection wait for each other.
type Keeper struct {
	store Store
	inner *protocol.Keeper
	log   *slog.Logger
	// real: the clock is the machine's, by which contexts end.
	real bool
}

// New returns a Keeper of the connections in a store.
func New(s Store, o Options) *Keeper {
	k := &Keeper{store: s, log: o.Log, real: o.Now == nil}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	if o.Endpoint == nil {
		o.Endpoint = &atlassian.Client{}
	}
	sites, _ := o.Endpoint.(protocol.SiteLister)
	k.inner = protocol.New(protocol.Config{Store: s, Token: o.Endpoint, Sites: sites, Now: o.Now, Process: rand.Text()[:12]})
	return k
}

// callTime bounds a call whose context has no deadline.
const callTime = 2 * time.Minute

// bound gives a context without a deadline one.
func (k *Keeper) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok || !k.real {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, callTime)
}

// Tick looks after a connection: it reads, decides, and rotates if that is due.
// Call it every [TickInterval] or more often; a call too many changes nothing.
//
// A cancelled ctx keeps a rotation from beginning. One that is under way is still
// finished and saved, until the deadline of ctx. So stop a program by cancelling,
// and wait for Tick to return. A deadline of less than 40 seconds keeps every
// rotation from beginning; without one Tick has two minutes.
func (k *Keeper) Tick(ctx context.Context, c Connection) Outcome {
	if err := c.check(); err != nil {
		return Outcome{Connection: c.Name, Action: Misconfigured, Reason: err.Error()}
	}
	ctx, cancel := k.bound(ctx)
	defer cancel()
	return Outcome(k.inner.Tick(ctx, c.inner(), k.log)) // does not compile unless both have the same fields
}

// Grant is what a consent yields.
type Grant struct {
	// App is the one that was consented to. It is stored with the tokens.
	App atlassian.App
	// Token is what [atlassian.Client.Exchange] returned for the authorization code.
	Token atlassian.Token
	// CloudID is the site's id, see [atlassian.Client.AccessibleResources]. It is
	// stored for those who make requests; empty leaves what is stored.
	CloudID string
}

// Errors of [Keeper.Consent], for errors.As.
type (
	// ConsentBusyError says that another writer, or a lack of time, kept the consent
	// from its turn. Nothing has happened, and it can be repeated.
	ConsentBusyError = protocol.ConsentBusyError
	// ConsentUnsavedError says that the tokens were received and are not saved. They are
	// kept in memory, and any Tick of this Keeper goes on saving them.
	ConsentUnsavedError = protocol.ConsentUnsavedError
)

// ErrNoRefreshToken says that the consent has not granted the scope offline_access.
var ErrNoRefreshToken = errors.New("the consent yielded no refresh token: request the scope offline_access as well")

// Consent replaces a connection's token family by a new one. obtain exchanges the
// authorization code, which it must have already: it has half a minute. It is
// called only once the store is known to take writes, so no code is wasted. An
// error of obtain is returned as it is, and then nothing that is in use has
// changed.
//
// What obtain returned is saved even if ctx is cancelled, until its deadline. A
// process that is killed between the two loses it, and the person has to consent
// again; the family before stays in use.
func (k *Keeper) Consent(ctx context.Context, c Connection, obtain func(context.Context) (Grant, error)) error {
	if err := c.check(); err != nil {
		return err
	}
	ctx, cancel := k.bound(ctx)
	defer cancel()
	_, err := k.inner.Consent(ctx, c.inner(), k.log, func(ctx context.Context, now family.Snapshot) (protocol.Grant, error) {
		g, err := obtain(ctx)
		switch {
		case err != nil:
			return protocol.Grant{}, err
		case g.Token.Refresh.IsZero():
			return protocol.Grant{}, ErrNoRefreshToken
		case g.App.ClientID == "" || g.App.ClientSecret.IsZero():
			return protocol.Grant{}, errors.New("the grant names no app: expected the client id and secret that the code was exchanged with")
		}
		return protocol.Grant{App: g.App, Token: g.Token, CloudID: g.CloudID, At: now.Now}, nil
	})
	return err
}

// ErrNoAccessToken says that nobody has consented yet, or the connection's name is misspelt.
var ErrNoAccessToken = errors.New("there is no access token")

// AccessToken reads the newest access token that was published. It asks the store
// each time; keep the token for five minutes at most, and read again when a server
// answers 401. The error wraps [ErrNoAccessToken], or is the store's.
func (k *Keeper) AccessToken(ctx context.Context, c Connection) (secret.Secret, error) {
	if err := c.check(); err != nil {
		return secret.Secret{}, err
	}
	name := c.Names().AccessToken
	found, err := k.store.Read(ctx, name)
	if err != nil {
		return secret.Secret{}, err
	}
	token, _, _ := psoxy.DecodeAccessToken(family.FieldOf(found[name]).Value)
	if token.IsZero() {
		return secret.Secret{}, fmt.Errorf("%s: %w", name, ErrNoAccessToken)
	}
	return token, nil
}
