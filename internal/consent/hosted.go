package consent

import (
	"context"
	"slices"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Invitation is what the start page of a hosted consent shows.
type Invitation struct {
	Connection string
	Scopes     []string
	// Status is how the connection stands.
	Status ConnectionStatus
}

// Look returns what a start link leads to, and changes nothing: links are also
// opened by programs that preview them.
func (s *Service) Look(ctx context.Context, link atlassian.Secret) (Invitation, error) {
	k, err := s.invited(ctx, link)
	if err != nil {
		return Invitation{}, err
	}
	status, err := s.Status(ctx, StatusRequest{Connection: k.conn.Name})
	if err != nil {
		return Invitation{}, err
	}
	return Invitation{Connection: k.conn.Name, Scopes: k.under.Scopes, Status: status.Connections[0]}, nil
}

// Opened is a consent that a browser has begun.
type Opened struct {
	// AuthorizeURL is where to send the browser.
	AuthorizeURL string
	// Browser is the cookie to give it.
	Browser atlassian.Secret
}

// Open ties a consent to the first browser that follows its start link. That browser may come
// again. cookie is what the browser presents already, if anything. If the write fails, it may
// have taken effect all the same: so Opened holds the new cookie beside the error.
func (s *Service) Open(ctx context.Context, link, cookie atlassian.Secret) (Opened, error) {
	k, err := s.invited(ctx, link)
	if err != nil {
		return Opened{}, err
	}
	u := k.under
	if u.Browser == "" {
		if cookie.Len() != secretLength {
			cookie = random()
		}
		u.Browser = digestOf(cookie)
		defer s.recent.forget()
		version, err := s.Store.Write(ctx, k.names.ConsentState, u.encode(), store.Encrypted)
		if err != nil {
			return Opened{Browser: cookie}, refuse(StoreFailed, "the consent cannot go on, because %s cannot be written: %v; try again", k.names.ConsentState, err)
		}
		if version != u.version+1 {
			// Two browsers at once: neither can be known to be the right one.
			_ = s.claim(ctx, k)
			return Opened{}, refuse(WrongBrowser, "the start link was opened in two browsers at the same time, so it is void: begin again")
		}
	} else if err := u.checkBrowser(cookie); err != nil {
		return Opened{}, refuse(WrongBrowser, "this start link was opened in another browser already, and works in one only: begin again for this one")
	}
	clientID := u.app.ClientID
	if clientID == "" {
		entries, err := s.Store.Read(ctx, k.names.ClientID, k.names.ClientSecret)
		if err != nil {
			return Opened{}, refuse(StoreFailed, "%s cannot be read: %v; try again", k.names.ClientID, err)
		}
		clientID = k.app(entries).ClientID
	}
	address, err := s.authorizeURL(u, clientID, stateOf(link))
	if err != nil {
		return Opened{}, err
	}
	return Opened{AuthorizeURL: address, Browser: cookie}, nil
}

// invited finds the pending consent of a start link.
func (s *Service) invited(ctx context.Context, link atlassian.Secret) (known, error) {
	if link.Len() != secretLength {
		return known{}, expired()
	}
	mine := func(k known) bool { return k.under != nil && k.under.Link.of(link) }
	all, err := s.visit(ctx, mine)
	if err != nil {
		return known{}, err
	}
	if i := slices.IndexFunc(all, mine); i >= 0 {
		return all[i], nil
	}
	return known{}, expired()
}
