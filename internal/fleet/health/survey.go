package health

import (
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Survey is what was seen of a connection, and how the person asks.
type Survey struct {
	family.Snapshot
	// Policy is the connection's. Lifetime and RefreshBefore matter here.
	Policy family.Policy
	// Exists: at least one of the connection's parameters does.
	Exists bool
	// Warning is how many days before a family's end a consent is due, and Last from
	// when on it cannot wait.
	Warning, Last float64
	// Ledger is the whole name of the ledger. LedgerErr says why its newest entry
	// cannot be used.
	Ledger    string
	LedgerErr error
	// Begin is what the first tick would begin the ledger with, where it is empty.
	// CannotBegin says why it cannot.
	Begin       family.State
	CannotBegin string
	// Open are the names of secrets that lie unencrypted.
	Open []string
	// Configured: the connection is one that the functions serve, so it may have no
	// parameter yet.
	Configured bool
	// Place says where the parameters are; Local is set where that is no account of
	// AWS. Similar are connections there whose names are like this one's.
	Place   string
	Local   bool
	Similar []string
	// Consent is the pending one; nil without one.
	Consent *Consent
	// Tick is the last one of the process that was asked; nil where that is not known.
	Tick *Tick
	// Commands are those that the person can run.
	Commands Commands
}

// Consent is a consent that is not at its end.
type Consent struct {
	// Until is when it expires.
	Until time.Time `json:"until"`
	// Needs is the decision that received tokens wait for, an errorType of the
	// bootstrap function; empty where none were received yet.
	Needs string `json:"needs,omitempty"`
}

// Tick is how a tick ended for a connection.
type Tick struct {
	At     time.Time     `json:"at"`
	Action keeper.Action `json:"action"`
	Reason string        `json:"reason"`
}

// Commands are commands as they work where the person is.
type Commands struct {
	// Authorize consents, SetSecret stores the app's secret, Tick asks for a tick, and
	// Doctor looks at everything around the tokens. Ask asks the deployed function for
	// its status, for people who may not read the parameters.
	Authorize, SetSecret, Tick, Doctor, Ask string
}

// CommandsFor are the commands for a connection, with further flags that lead to
// it: " --store file:./tokens", say, or none. stack is the deployed stack's name;
// empty where the connection is on a file store.
func CommandsFor(connection, flags, stack string) Commands {
	at := " --connection " + connection + flags
	c := Commands{
		Authorize: "tokenkeeper authorize" + at,
		SetSecret: "tokenkeeper set-secret" + at,
		Tick:      "tokenkeeper tick" + at,
		Doctor:    "tokenkeeper doctor" + at,
	}
	if stack != "" {
		c.Tick = "tokenkeeper tick --function " + stack + "-refresher"
		c.Doctor = "tokenkeeper doctor --stack " + stack
		c.Ask = "tokenkeeper status --function " + stack + "-refresher --connection " + connection
	}
	return c
}

// found reports whether any of the parameters exists, or may exist.
func (s Survey) found() bool { return s.Exists || len(s.Denied) > 0 }

// WithoutLedger reports whether there was a ledger and is none: it was deleted, or it is
// elsewhere.
func (s Survey) WithoutLedger() bool {
	return s.State.Empty() && s.LedgerErr == nil && !s.denied(s.Ledger) && s.Told() != nil && s.Told().Schema == family.Schema
}

func (s Survey) fields() []family.Field {
	return []family.Field{s.ClientID, s.ClientSecret, s.RefreshToken, s.AccessToken, s.CloudID, s.Lock}
}

// Record is what is known of the family: what the ledger says, or what the first
// tick would begin it with, or TOKEN_FAMILY. Its AuthorizedAt is zero where there
// is no family.
func (s Survey) Record() family.Record {
	switch {
	case !s.State.Empty():
		return s.State.Record
	case !s.Begin.Empty():
		return s.Begin.Record
	case s.Told() != nil:
		return *s.Told()
	}
	return family.Record{}
}

// denied reports whether a parameter could not be read.
func (s Survey) denied(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s.Denied, name) })
}

// appDenied reports whether it is not known which app's credentials are stored.
func (s Survey) appDenied() bool {
	n := family.NamesOf(s.Connection)
	return s.denied(n.ClientID, n.ClientSecret)
}

// Seen is the time of the newest sign of a tick, a consent or psoxy; zero without
// one.
func (s Survey) Seen() (at time.Time) {
	r := s.Record()
	signs := []time.Time{s.Written, r.RotatedAt}
	if s.State.Empty() {
		signs = signs[1:]
	}
	if r.FreshConsent() {
		signs = append(signs, r.AuthorizedAt)
	}
	for _, f := range []*family.Failure{r.LastFailure, s.State.Inbox.Failure} {
		if f != nil {
			signs = append(signs, f.At)
		}
	}
	if s.Tick != nil {
		signs = append(signs, s.Tick.At)
	}
	return latest(signs...)
}

// changed is when anything of the connection was written last, by whomever.
func (s Survey) changed() time.Time {
	at := latest(s.Seen(), s.Written)
	for _, f := range s.fields() {
		at = latest(at, f.Modified)
	}
	return at
}

func latest(times ...time.Time) (at time.Time) {
	for _, t := range times {
		if t.After(at) {
			at = t
		}
	}
	return at
}

// openSecrets are the names among entries that hold a secret in the open.
func openSecrets(n family.Names, entries map[string]store.Entry) (open []string) {
	for _, name := range []string{n.ClientSecret, n.RefreshToken, n.AccessToken, n.Ledger} {
		if e := entries[name]; e.Version > 0 && e.Kind == store.Plain && !family.FieldOf(e).Value.IsZero() {
			open = append(open, name)
		}
	}
	return open
}
