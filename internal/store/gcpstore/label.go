package gcpstore

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// changes is how often a change of labels is tried while others change them too.
const changes = 5

// nameNext lets psoxy's label, where there is one, name the version that is about
// to be added, and returns its number; 0 where there is no label.
//
// The label goes first. psoxy takes the latest version where the named one does not
// exist, so whenever this process dies, psoxy reads what is newest. Were the
// version added first, psoxy would read the old one until the next rotation.
func (s *Store) nameNext(ctx context.Context, name string) (int64, error) {
	secret, err := s.getSecret(ctx, name, nil)
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
	err = s.relabel(ctx, name, name, func(labels map[string]string) error {
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

// errAsItIs: the labels are as they should be.
var errAsItIs = fmt.Errorf("nothing to change")

// relabel changes the labels of a secret under its etag, so that nobody else's
// change is lost. change is called again after another's change; its error ends
// it. name is the parameter's, for errors.
func (s *Store) relabel(ctx context.Context, name, secret string, change func(labels map[string]string) error) error {
	for range changes {
		found, err := s.getSecret(ctx, secret, nil)
		if err != nil {
			return err
		}
		labels := maps.Clone(found.GetLabels())
		if labels == nil {
			labels = map[string]string{}
		}
		if err := change(labels); err != nil {
			if err == errAsItIs {
				return nil
			}
			return err
		}
		_, err = call(ctx, calling{what: "UpdateSecret", name: name, changes: true}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.Secret, error) {
			return s.client.UpdateSecret(ctx, &secretmanagerpb.UpdateSecretRequest{
				Secret:     &secretmanagerpb.Secret{Name: found.GetName(), Labels: labels, Etag: found.GetEtag()},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}}, o...)
		})
		if codeOf(err) != codes.FailedPrecondition {
			return err
		}
	}
	return fmt.Errorf("%s: its labels kept changing, or are answered with from before a change: %w", name, store.ErrNotWritten)
}

// getSecret reads a secret's labels and etag.
func (s *Store) getSecret(ctx context.Context, name string, at *clock) (*secretmanagerpb.Secret, error) {
	return call(ctx, calling{what: "GetSecret", name: name, clock: at}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.Secret, error) {
		return s.client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: s.secret(name)}, o...)
	})
}
