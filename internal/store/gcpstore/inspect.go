package gcpstore

import (
	"context"
	"strconv"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// Inspection is what can be seen of a secret besides its value.
type Inspection struct {
	// ID is the secret's id. Made: it exists, with or without a version.
	ID   string
	Made bool
	// Newest is the number of the newest version, and Named the one that psoxy's
	// label names; 0 where there is none.
	Newest, Named int64
	// Costing counts the versions that are not destroyed, which cost money, and Due
	// those of them that the store would have destroyed at its last write but one.
	Costing, Due int
	// Lacking are the permissions without which nothing of it, or not all, can be
	// seen.
	Lacking []string
}

// Inspect looks at a parameter's secret. It changes nothing. A permission that is
// missing is no error.
func (s *Store) Inspect(ctx context.Context, name string) (Inspection, error) {
	in := Inspection{ID: s.Prefix + name}
	if err := s.check(ctx, name); err != nil {
		return in, err
	}
	lacks := func(err error, permission string) error {
		if codeOf(err) != codes.PermissionDenied || ProjectRefused(err) {
			return err
		}
		in.Lacking = append(in.Lacking, permission)
		return nil
	}
	secret, err := s.api.get(ctx, name, nil)
	switch {
	case codeOf(err) == codes.NotFound:
		return in, nil
	case err != nil:
		if err := lacks(err, "secretmanager.secrets.get"); err != nil {
			return in, err
		}
	default:
		in.Made = true
		in.Named, _ = strconv.ParseInt(secret.GetLabels()[psoxy.VersionLabel], 10, 64)
	}
	destroyed, newest := 0, time.Time{}
	err = s.api.list(ctx, name, nil, func(v version) bool {
		in.Made = true
		if in.Newest == 0 {
			in.Newest, newest = v.number, v.at
		}
		if v.state == secretmanagerpb.SecretVersion_DESTROYED {
			destroyed++
			return destroyed < enough
		}
		destroyed = 0
		in.Costing++
		if v.number <= s.expendable(name, in.Newest-tidyEvery) && newest.Sub(v.at) > 2*youngest {
			in.Due++
		}
		return true
	})
	return in, lacks(err, "secretmanager.versions.list")
}
