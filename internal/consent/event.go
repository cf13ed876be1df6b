package consent

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// The actions of an event.
const (
	actionBegin    = "begin"
	actionComplete = "complete"
	actionStatus   = "status"
	actionHealth   = "health"
)

// maxEvent is the largest event that is read, in bytes.
const maxEvent = 64 << 10

// The forms of the three events.
type (
	beginEvent struct {
		Action       string   `json:"action"`
		Connection   string   `json:"connection,omitempty"`
		Scopes       []string `json:"scopes,omitempty"`
		RedirectURI  string   `json:"redirect_uri,omitempty"`
		ClientID     string   `json:"client_id,omitempty"`
		ClientSecret string   `json:"client_secret,omitempty"`
	}
	completeEvent struct {
		Action      string `json:"action"`
		Connection  string `json:"connection,omitempty"`
		RedirectURL string `json:"redirect_url,omitempty"`
		State       string `json:"state,omitempty"`
		Code        string `json:"code,omitempty"`
		Site        string `json:"site,omitempty"`
		Confirm     bool   `json:"confirm,omitempty"`
	}
	statusEvent struct {
		Action     string `json:"action"`
		Connection string `json:"connection,omitempty"`
	}
)

// Event returns the request as an event for the bootstrap function. It can hold
// the client secret: it is to be sent, and not to be shown.
func (r BeginRequest) Event() atlassian.Secret {
	return encode(beginEvent{actionBegin, r.Connection, r.Scopes, r.RedirectURI, r.ClientID, r.ClientSecret.Reveal()})
}

// Event returns the request as an event for the bootstrap function, without
// Browser. It holds the code: it is to be sent, and not to be shown.
func (r CompleteRequest) Event() atlassian.Secret {
	return encode(completeEvent{actionComplete, r.Connection, r.RedirectURL.Reveal(), r.State.Reveal(), r.Code.Reveal(), r.Site, r.Confirm})
}

// Event returns the request as an event for the bootstrap function.
func (r StatusRequest) Event() atlassian.Secret {
	return encode(statusEvent{actionStatus, r.Connection})
}

// ParseEvent reads an event of the bootstrap function: a BeginRequest, a
// CompleteRequest, a StatusRequest or a HealthRequest. The error is an *Error, and quotes no
// value of the event.
func ParseEvent(payload []byte) (any, error) {
	const expected = `expected {"action":"begin","connection":…}, {"action":"complete","redirect_url":…}, {"action":"status"} or {"action":"health"}; nothing was done`
	var head struct {
		Action string `json:"action"`
	}
	if len(payload) > maxEvent || json.Unmarshal(payload, &head) != nil {
		return nil, refuse(InvalidRequest, "the event is no JSON object of at most %d bytes: %s", maxEvent, expected)
	}
	switch head.Action {
	case actionBegin:
		e, err := strictly[beginEvent](payload)
		if err != nil {
			return nil, err
		}
		return BeginRequest{Connection: e.Connection, Scopes: e.Scopes, RedirectURI: e.RedirectURI,
			ClientID: e.ClientID, ClientSecret: atlassian.NewSecret(e.ClientSecret)}, nil
	case actionComplete:
		e, err := strictly[completeEvent](payload)
		if err != nil {
			return nil, err
		}
		return CompleteRequest{Connection: e.Connection, RedirectURL: atlassian.NewSecret(e.RedirectURL),
			State: atlassian.NewSecret(e.State), Code: atlassian.NewSecret(e.Code), Site: e.Site, Confirm: e.Confirm}, nil
	case actionStatus, actionHealth:
		e, err := strictly[statusEvent](payload)
		if err != nil {
			return nil, err
		}
		if e.Action == actionHealth {
			return HealthRequest{Connection: e.Connection}, nil
		}
		return StatusRequest{Connection: e.Connection}, nil
	}
	return nil, refuse(InvalidRequest, "the event asks for none of this function's actions: %s", expected)
}

// strictly decodes an event that may have no member but its own: a misspelt one
// would otherwise be as good as not given.
func strictly[Event any](payload []byte) (e Event, err error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	if err = d.Decode(&e); err == nil {
		return e, nil
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok && len(name) < 60 {
		return e, refuse(InvalidRequest, "the event has a member %s that this action does not know; nothing was done", name)
	}
	return e, refuse(InvalidRequest, "a member of the event is of another type than this action expects; nothing was done")
}
