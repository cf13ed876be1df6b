package gcpstore

import (
	"context"
	"strconv"

	"google.golang.org/grpc/codes"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// nameNext lets psoxy's label, where there is one, name the version that is about
// to be added, and returns its number; 0 where there is no label.
//
// The label goes first. psoxy takes the latest version where the named one does not
// exist, so whenever this process dies, psoxy reads what is newest. Were the
// version added first, psoxy would read the old one until the next rotation.
func (s *Store) nameNext(ctx context.Context, name string) (int64, error) {
	secret, err := s.api.get(ctx, name, nil)
	if codeOf(err) == codes.NotFound || err == nil && secret.GetLabels()[psoxy.VersionLabel] == "" {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	newest, err := s.newest(ctx, name, &clock{})
	if err != nil {
		return 0, err
	}
	return s.nameVersion(ctx, name, newest.number+1)
}

// nameVersion lets psoxy's label name a version, unless it names a later one, and
// returns what it names then; 0 where there is no label.
func (s *Store) nameVersion(ctx context.Context, name string, version int64) (named int64, err error) {
	err = s.api.relabel(ctx, name, name, func(labels map[string]string) error {
		if labels[psoxy.VersionLabel] == "" {
			named = 0
			return errAsItIs
		}
		if named, _ = strconv.ParseInt(labels[psoxy.VersionLabel], 10, 64); named >= version {
			return errAsItIs
		}
		named = version
		labels[psoxy.VersionLabel] = strconv.FormatInt(version, 10)
		return nil
	})
	return named, err
}
