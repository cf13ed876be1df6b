package consent

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// Status tells how the consents stand. It changes nothing, and shows no secret.
func (s *Service) Status(ctx context.Context, r StatusRequest) (Status, error) {
	conns := s.Connections
	if r.Connection != "" {
		conn, err := s.connection(r.Connection)
		if err != nil {
			return Status{}, err
		}
		conns = []family.Connection{conn}
	}
	all := Status{Connections: []ConnectionStatus{}}
	for _, conn := range conns {
		one, err := s.status(ctx, conn)
		if err != nil {
			return Status{}, err
		}
		all.Connections = append(all.Connections, one)
	}
	return all, nil
}

func (s *Service) status(ctx context.Context, conn family.Connection) (ConnectionStatus, error) {
	n := family.NamesOf(conn.Name)
	entries, err := s.Store.Read(ctx, n.ClientID, n.ClientSecret, n.RefreshToken, n.AccessToken, n.Family, n.CloudID, n.ConsentState, n.ConsentTokens)
	if err != nil {
		return ConnectionStatus{}, refuse(StoreFailed, "the parameters of %s cannot be read: %v", conn.Name, err)
	}
	now := s.Now()
	snapshot := family.NewSnapshot(conn, entries)
	out := ConnectionStatus{
		Connection: conn.Name,
		HasApp:     !snapshot.ClientID.Value.IsZero() && !snapshot.ClientSecret.Value.IsZero(),
		HasTokens:  !snapshot.RefreshToken.Value.IsZero(),
		CloudID:    family.FieldOf(entries[n.CloudID]).Value.Reveal(),
	}
	if record := snapshot.Family; record != nil {
		out.Refused, out.Scopes = record.Refused(), record.Scopes
		out.AuthorizedAt, out.FamilyExpiresAt = record.AuthorizedAt, record.ExpiresAt(conn.Policy.Lifetime)
	}
	if u := parseUnderWay(entries[n.ConsentState], conn.Name); u != nil && now.Before(u.ExpiresAt) {
		out.UnderWay = u.ExpiresAt
	}
	w := s.newest(conn.Name, parseWaiting(entries[n.ConsentTokens], conn.Name))
	if w != nil && !w.outdated(snapshot) {
		out.Waiting = &Waiting{Needs: w.Needs, Sites: w.Sites, Until: w.until()}
	}
	return out, nil
}
