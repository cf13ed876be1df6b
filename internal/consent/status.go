package consent

import (
	"cmp"
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
)

// Status tells how the consents stand. It changes nothing, and shows no secret.
func (s *Service) Status(ctx context.Context, r StatusRequest) (Status, error) {
	conns, err := s.meant(ctx, r.Connection)
	if err != nil {
		return Status{}, err
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

// Unfinished is the consent that has not ended; nil if there is none.
func (c ConnectionStatus) Unfinished() *health.Consent {
	switch {
	case c.Waiting != nil:
		return &health.Consent{Until: c.Waiting.Until, Needs: string(c.Waiting.Needs)}
	case !c.UnderWay.IsZero():
		return &health.Consent{Until: c.UnderWay}
	}
	return nil
}

func (s *Service) status(ctx context.Context, conn family.Connection) (ConnectionStatus, error) {
	n := conn.Names()
	entries, err := s.Store.Read(ctx, n.ClientID, n.ClientSecret, n.RefreshToken, n.CloudID, n.Family, n.Ledger, n.ConsentState, n.ConsentTokens)
	if err != nil {
		return ConnectionStatus{}, refuse(StoreFailed, "the parameters of %s cannot be read: %v", conn.Name, err)
	}
	k := s.known(ctx, conn, entries)
	if k.broken != nil {
		return ConnectionStatus{}, refuse(StoreFailed, "%s cannot be read: %v", n.Ledger, k.broken)
	}
	now := family.NewSnapshot(conn, entries)
	now.State = k.state
	app := now.App()
	out := ConnectionStatus{
		Connection: conn.Name,
		HasApp:     app.ClientID != "" && !app.ClientSecret.IsZero(),
		HasTokens:  !k.state.Empty() || !now.RefreshToken.Value.IsZero(),
	}
	if id := now.CloudID.Value.Reveal(); isCloudID(id) { // a person may have stored a secret there
		out.CloudID = id
	}
	record := now.Told() // until the first tick has begun the ledger
	if !k.state.Empty() {
		record = &k.state.Record
		out.CloudID = cmp.Or(record.CloudID, out.CloudID)
	}
	if record != nil {
		out.Refused, out.Scopes, out.RedirectURI = record.Refused(), record.Scopes, record.RedirectURI
		out.AuthorizedAt, out.AuthorizedAtSource = record.AuthorizedAt, record.AuthorizedAtSource
		out.FamilyExpiresAt = record.ExpiresAt(conn.Policy.Lifetime)
	}
	if k.under != nil {
		out.UnderWay = k.under.ExpiresAt
	}
	if w := k.waits; w != nil && !w.over(k.record()) {
		out.Waiting = &Waiting{Needs: w.Needs, Sites: w.Sites, Until: w.until()}
	}
	return out, nil
}
