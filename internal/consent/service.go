package consent

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Atlassian is what is asked of Atlassian here; *atlassian.Client is one. Its
// errors are *atlassian.Error.
type Atlassian interface {
	// Exchange trades an authorization code for the first tokens of a family.
	Exchange(ctx context.Context, app atlassian.App, code atlassian.Secret, redirectURI string) (atlassian.Token, error)
	// AccessibleResources lists what an access token may reach.
	AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error)
	// Get requests a path of the API.
	Get(ctx context.Context, access atlassian.Secret, path string) (*atlassian.Response, error)
}

// Config is what a Service works with. Keeper, Store, Atlassian and either
// Connections or List are needed.
type Config struct {
	// Keeper puts the tokens in use. It works on Store.
	Keeper *keeper.Keeper
	Store  store.Store
	// Connections that may be consented for; a request for another is refused.
	Connections []family.Connection
	// List returns the connections where they are listed in parameters; what else it
	// returns is not looked at. See config.List.
	List      func(ctx context.Context, log *slog.Logger) (conns []family.Connection, invalid []keeper.Outcome, err error)
	Atlassian Atlassian
	// AuthURL is where the browser is sent to consent; empty means Atlassian's.
	AuthURL string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Hosted: the pages of package pages are served, so that a redirect URI with
	// their path, CallbackPath, gets a start link.
	Hosted bool
	// Log takes what happens; nil means that nothing is logged.
	Log *slog.Logger
}

// Service carries consents out. Its methods may be called concurrently. Their
// errors are *Error.
type Service struct {
	Config
	recent     recent
	remembered remembered
}

// New returns a Service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{Config: c}
}

// connections are those that may be consented for now.
func (s *Service) connections(ctx context.Context) ([]family.Connection, error) {
	if s.List == nil {
		return s.Connections, nil
	}
	conns, _, err := s.List(ctx, s.Log)
	if err != nil {
		return nil, refuse(StoreFailed, "%v", err)
	}
	return conns, nil
}

// meant returns the connections that a request can be about: the named one, or all
// if it names none.
func (s *Service) meant(ctx context.Context, name string) ([]family.Connection, error) {
	if name == "" {
		return s.connections(ctx)
	}
	conn, err := s.connection(ctx, name)
	return []family.Connection{conn}, err
}

// connection finds a configured connection; an empty name is the only one.
func (s *Service) connection(ctx context.Context, name string) (family.Connection, error) {
	all, err := s.connections(ctx)
	if err != nil {
		return family.Connection{}, err
	}
	if name == "" && len(all) == 1 {
		return all[0], nil
	}
	var names []string
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	expected := strings.Join(names, " or ")
	if len(names) > 10 {
		expected = "one of the " + strconv.Itoa(len(names)) + " that this stack keeps"
	}
	return family.Connection{}, refuse(UnknownConnection, "there is no connection %s: expected %s", shown(name), expected)
}

// shown quotes what a request names, for a message. A text that is too long for a name,
// or that could be an address with a state or a code in it, is not shown.
func shown(text string) string {
	if len(text) > 64 || strings.ContainsAny(text, "?&=#") {
		return "[hidden, as it is no name]"
	}
	return strconv.Quote(text)
}
