package keeper

import (
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// TickInterval is the longest time between two ticks of a connection. A token whose
// answer was lost can be presented again for ten minutes: two ticks fit into these,
// so that one may fail.
const TickInterval = family.TickInterval

// Connection is one token family to keep, and where it is stored. It is a plain
// value: two that are equal mean the same connection.
type Connection struct {
	// Name is what the names of its parameters begin with, such as "JIRA_" or
	// "/corp/jira_". It ends in _ . - or /.
	Name string
	// Ledger is the whole name of its ledger; empty means Name followed by
	// "TOKEN_LEDGER".
	Ledger string
	// RefreshBefore: the tokens are rotated when the access token has less than this
	// left. 0 means 25 minutes; more than 55 minutes mean 55, since the token lives for
	// an hour.
	RefreshBefore time.Duration
	// Lifetime is how long a consent lasts at Atlassian. 0 means 365 days. It moves
	// the countdown of [Outcome], and nothing else.
	Lifetime time.Duration
}

// Names are the whole names of a connection's parameters.
type Names struct {
	// Ledger holds the truth, and is this package's own.
	Ledger string
	// ClientID and ClientSecret are the app's.
	ClientID, ClientSecret string
	// AccessToken and RefreshToken are copies of the newest tokens. A token that
	// another program writes to RefreshToken is tried, and accepted if Atlassian
	// accepts it.
	AccessToken, RefreshToken string
	// CloudID is the site's id, as the consent gave it.
	CloudID string
	// Family is what is known of the family, as JSON without a secret.
	Family string
}

// Names returns the names of the connection's parameters.
func (c Connection) Names() Names {
	n := c.inner().Names()
	return Names{Ledger: n.Ledger, ClientID: n.ClientID, ClientSecret: n.ClientSecret,
		AccessToken: n.AccessToken, RefreshToken: n.RefreshToken, CloudID: n.CloudID, Family: n.Family}
}

// inner is the connection with its defaults, as the protocol knows it.
func (c Connection) inner() family.Connection {
	p := family.DefaultPolicy()
	p.AccessFormat = psoxy.AsStored
	if c.RefreshBefore > 0 {
		p.RefreshBefore = min(c.RefreshBefore, fleet.MaxRefreshBefore)
	}
	if c.Lifetime > 0 {
		p.Lifetime = c.Lifetime
	}
	return family.Connection{Name: c.Name, Ledger: c.Ledger, Policy: p}
}

// check says what is wrong with the connection.
func (c Connection) check() error {
	if err := family.CheckConnection(c.Name); err != nil {
		return fmt.Errorf("the connection's name is %w", err)
	}
	if err := CheckName(c.Names().Ledger); err != nil {
		return fmt.Errorf("the ledger's name is %w", err)
	}
	return nil
}
