package secretmanager

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

var (
	secretID   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	secretName = regexp.MustCompile(`^projects/[^/]+/secrets/[A-Za-z0-9_-]{1,255}$`)
	// Keys and values of labels, as Google's documentation of Secret has them, without
	// letters beyond ASCII.
	labelKey   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	labelValue = regexp.MustCompile(`^[a-z0-9_-]{0,63}$`)
)

func notFound(resource string) error {
	return status.Errorf(codes.NotFound, "Secret [%s] not found or has no versions.", resource)
}

func checkLabels(labels map[string]string) error {
	for key, value := range labels {
		if !labelKey.MatchString(key) || !labelValue.MatchString(value) || len(labels) > 64 {
			return status.Error(codes.InvalidArgument, "The labels are invalid.")
		}
	}
	return nil
}

// CreateSecret implements the API.
func (s *vault) CreateSecret(_ context.Context, r *secretmanagerpb.CreateSecretRequest) (*secretmanagerpb.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !secretID.MatchString(r.GetSecretId()) || r.GetSecret().GetReplication().GetReplication() == nil {
		return nil, status.Error(codes.InvalidArgument, "The secret's id or its replication is invalid.")
	}
	if err := checkLabels(r.GetSecret().GetLabels()); err != nil {
		return nil, err
	}
	name := r.GetParent() + "/secrets/" + r.GetSecretId()
	if s.secrets[name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Secret [%s] already exists.", name)
	}
	created := &secret{created: s.now(), labels: maps.Clone(r.GetSecret().GetLabels()), etag: s.etag(), made: r.GetSecret()}
	s.secrets[name] = created
	return created.describe(name), nil
}

// GetSecret implements the API.
func (s *vault) GetSecret(_ context.Context, r *secretmanagerpb.GetSecretRequest) (*secretmanagerpb.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.seen(r.GetName())
	if err != nil {
		return nil, err
	}
	return found.describe(r.GetName()), nil
}

// ListSecrets implements the API, without a filter, fifty a page.
func (s *vault) ListSecrets(_ context.Context, r *secretmanagerpb.ListSecretsRequest) (*secretmanagerpb.ListSecretsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := s.shown()
	answer := &secretmanagerpb.ListSecretsResponse{}
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if !strings.HasPrefix(name, r.GetParent()+"/secrets/") || name <= r.GetPageToken() {
			continue
		}
		if len(answer.Secrets) == 50 {
			answer.NextPageToken = answer.Secrets[49].GetName()
			break
		}
		answer.Secrets = append(answer.Secrets, from[name].describe(name))
	}
	return answer, nil
}

// UpdateSecret implements the API, for labels.
func (s *vault) UpdateSecret(_ context.Context, r *secretmanagerpb.UpdateSecretRequest) (*secretmanagerpb.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(r.GetUpdateMask().GetPaths(), []string{"labels"}) {
		return nil, status.Error(codes.InvalidArgument, "The emulator changes labels only.")
	}
	found := s.secrets[r.GetSecret().GetName()]
	if found == nil {
		return nil, notFound(r.GetSecret().GetName())
	}
	if err := checkLabels(r.GetSecret().GetLabels()); err != nil {
		return nil, err
	}
	if etag := r.GetSecret().GetEtag(); etag != "" && etag != found.etag {
		return nil, status.Error(codes.FailedPrecondition, "The etag provided does not match.")
	}
	found.labels, found.etag = maps.Clone(r.GetSecret().GetLabels()), s.etag()
	return found.describe(r.GetSecret().GetName()), nil
}

// DeleteSecret implements the API.
func (s *vault) DeleteSecret(_ context.Context, r *secretmanagerpb.DeleteSecretRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.secrets[r.GetName()]
	if found == nil {
		return nil, notFound(r.GetName())
	}
	if etag := r.GetEtag(); etag != "" && etag != found.etag {
		return nil, status.Error(codes.FailedPrecondition, "The etag provided does not match.")
	}
	delete(s.secrets, r.GetName())
	return &emptypb.Empty{}, nil
}
