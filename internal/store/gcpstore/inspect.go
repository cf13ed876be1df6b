package gcpstore

import (
	"context"
	"slices"
	"strconv"
	"strings"
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
	// Expires is when Google deletes the secret by itself, or zero. DestroyAfter is how
	// long a version that was destroyed stays, and costs money. Locations is where the
	// secret is replicated to, each of which costs as much; 0 where Google chooses.
	Expires      time.Time
	DestroyAfter time.Duration
	Locations    int
	// Lacking are the permissions without which nothing of it, or not all, can be
	// seen.
	Lacking []string
	// MayNot are the permissions that the service needs and these credentials lack.
	MayNot []string
}

// settings are those of a secret that matter here.
func (in *Inspection) settings(secret *secretmanagerpb.Secret) {
	in.Named, _ = strconv.ParseInt(secret.GetLabels()[psoxy.VersionLabel], 10, 64)
	if at := secret.GetExpireTime(); at != nil {
		in.Expires = at.AsTime()
	}
	in.DestroyAfter = secret.GetVersionDestroyTtl().AsDuration()
	in.Locations = len(secret.GetReplication().GetUserManaged().GetReplicas())
}

// needed are the permissions that the service needs on a parameter's secret, as
// deploy/gcp grants them.
func needed(name string) []string {
	if strings.HasSuffix(name, "CLIENT_ID") || strings.HasSuffix(name, "CLIENT_SECRET") {
		return []string{"secretmanager.versions.access", "secretmanager.versions.get"}
	}
	return []string{"secretmanager.secrets.get", "secretmanager.secrets.update", "secretmanager.versions.access", "secretmanager.versions.add",
		"secretmanager.versions.destroy", "secretmanager.versions.get", "secretmanager.versions.list"}
}

// mayNot are the permissions that the credentials lack of those that the service needs.
func (a *api) mayNot(ctx context.Context, name string) (missing []string, err error) {
	wanted := needed(name)
	granted, err := a.permissions(ctx, name, wanted)
	if err != nil {
		return nil, err
	}
	for _, p := range wanted {
		if !slices.Contains(granted, p) {
			missing = append(missing, p)
		}
	}
	return missing, nil
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
		in.settings(secret)
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
	if err = lacks(err, "secretmanager.versions.list"); err == nil && in.Made {
		in.MayNot, err = s.api.mayNot(ctx, name)
	}
	return in, err
}
