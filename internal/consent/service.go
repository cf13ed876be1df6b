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

// Config is what a Service works with. All fields are needed, but Hosted and Log.
type Config struct {
	// Keeper puts the tokens in use. It works on Store.
	Keeper *keeper.Keeper
	Store  store.Store
	// Connections that may be consented for; a request for another is refused.
	Connections []family.Connection
	Atlassian   Atlassian
	// AuthURL is where the browser is sent to consent; empty means Atlassian's.
	AuthURL string
	// Now is the clock.
	Now func() time.Time
	// Hosted: the pages of package pages are served, so that a redirect URI with
	// their path, CallbackPath, gets a start link.
	Hosted bool
	// Log is where it is told what happened; nil means nowhere.
	Log *slog.Logger
}

// Service carries consents out. Its methods may be called concurrently. Their
// errors are *Error.
type Service struct {
	Config
	calm calm
}

// New returns a Service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{Config: c}
}

// connection finds a configured connection; an empty name is the only one.
func (s *Service) connection(name string) (family.Connection, error) {
	if name == "" && len(s.Connections) == 1 {
		return s.Connections[0], nil
	}
	var names []string
	for _, c := range s.Connections {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	expected := strings.Join(names, " or ")
	if len(names) > 10 {
		expected = "one of the " + strconv.Itoa(len(names)) + " that this stack keeps"
	}
	return family.Connection{}, refuse(UnknownConnection, "there is no connection %s: expected %s", short(name), expected)
}

// short quotes a text of a request for a message.
func short(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return strconv.Quote(text)
}
