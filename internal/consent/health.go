package consent

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
)

// The days of the first and the last warning, as the template has them by default.
const (
	firstWarning = 60
	lastWarning  = 1
)

// Health tells how the connections are; stack is the name of the deployed stack. It
// changes nothing, and shows no secret.
func (s *Service) Health(ctx context.Context, r HealthRequest, stack string) ([]health.Report, error) {
	conns, err := s.meant(ctx, r.Connection)
	if err != nil {
		return nil, err
	}
	reports := []health.Report{}
	for _, conn := range conns {
		seen, err := health.Look(ctx, s.Store, conn, s.Now())
		if err != nil {
			reports = append(reports, health.Unseen(conn.Name, err, health.CommandsFor(conn.Name, "", stack), s.Now()))
			continue
		}
		var under *health.Consent
		if now, err := s.status(ctx, conn); err == nil {
			under = now.Unfinished()
		}
		reports = append(reports, seen.Fill(under, nil, stack, firstWarning, lastWarning))
	}
	return reports, nil
}
