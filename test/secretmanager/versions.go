package secretmanager

import (
	"context"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// maxPayload is Google's limit.
const maxPayload = 64 << 10

// AddSecretVersion implements the API.
func (s *vault) AddSecretVersion(_ context.Context, r *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.secrets[r.GetParent()]
	if found == nil {
		return nil, notFound(r.GetParent())
	}
	data, sum := r.GetPayload().GetData(), int64(crc32.Checksum(r.GetPayload().GetData(), crc32.MakeTable(crc32.Castagnoli)))
	if len(data) == 0 || len(data) > maxPayload || r.GetPayload().DataCrc32C != nil && r.GetPayload().GetDataCrc32C() != sum {
		return nil, status.Error(codes.InvalidArgument, "The payload is invalid.")
	}
	found.versions = append(found.versions, version{state: secretmanagerpb.SecretVersion_ENABLED, data: slices.Clone(data), sum: &sum, created: s.now()})
	return found.version(r.GetParent(), len(found.versions)), nil
}

// version is one as the API shows it.
func (s *secret) version(name string, n int) *secretmanagerpb.SecretVersion {
	v := s.versions[n-1]
	return &secretmanagerpb.SecretVersion{Name: name + "/versions/" + strconv.Itoa(n), State: v.state, CreateTime: timestamppb.New(v.created)}
}

// find is the version that a resource name means, of the secret as it is given.
func find(of *secret, resource string) (int, error) {
	_, which, _ := strings.Cut(resource, "/versions/")
	n, err := strconv.Atoi(which)
	if which == "latest" {
		n, err = len(of.versions), nil
	}
	if err != nil {
		return 0, status.Errorf(codes.InvalidArgument, "The name %q is invalid.", resource)
	}
	if n < 1 || n > len(of.versions) {
		return 0, notFound(resource)
	}
	return n, nil
}

// parent is the secret's resource name in a version's.
func parent(resource string) string {
	before, _, _ := strings.Cut(resource, "/versions/")
	return before
}

// GetSecretVersion implements the API.
func (s *vault) GetSecretVersion(_ context.Context, r *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.seen(parent(r.GetName()))
	if live := s.secrets[parent(r.GetName())]; live != nil && !s.hides && !strings.HasSuffix(r.GetName(), "/latest") {
		found, err = live, nil
	}
	if err != nil {
		return nil, err
	}
	n, err := find(found, r.GetName())
	if err != nil {
		return nil, err
	}
	return found.version(parent(r.GetName()), n), nil
}

// AccessSecretVersion implements the API: by number it sees every change, by
// `latest` it need not.
func (s *vault) AccessSecretVersion(_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := parent(r.GetName())
	found := s.secrets[name]
	if strings.HasSuffix(r.GetName(), "/latest") {
		found, _ = s.seen(name)
	}
	if found == nil {
		return nil, notFound(r.GetName())
	}
	n, err := find(found, r.GetName())
	if err != nil {
		return nil, err
	}
	v := found.versions[n-1]
	if v.state != secretmanagerpb.SecretVersion_ENABLED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s/versions/%d] is in %s state.", name, n, v.state)
	}
	return &secretmanagerpb.AccessSecretVersionResponse{Name: name + "/versions/" + strconv.Itoa(n),
		Payload: &secretmanagerpb.SecretPayload{Data: slices.Clone(v.data), DataCrc32C: v.sum}}, nil
}

// ListSecretVersions implements the API, without a filter: the newest first.
func (s *vault) ListSecretVersions(_ context.Context, r *secretmanagerpb.ListSecretVersionsRequest) (*secretmanagerpb.ListSecretVersionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.seen(r.GetParent())
	if err != nil {
		return nil, err
	}
	from := len(found.versions)
	if r.GetPageToken() != "" {
		if from, err = strconv.Atoi(r.GetPageToken()); err != nil || from > len(found.versions) {
			return nil, status.Error(codes.InvalidArgument, "The page token is invalid.")
		}
	}
	answer := &secretmanagerpb.ListSecretVersionsResponse{TotalSize: int32(len(found.versions))}
	size := int(r.GetPageSize())
	if size == 0 {
		size = 25000
	}
	for ; from > 0 && len(answer.Versions) < size; from-- {
		answer.Versions = append(answer.Versions, found.version(r.GetParent(), from))
	}
	if from > 0 {
		answer.NextPageToken = strconv.Itoa(from)
	}
	return answer, nil
}

// EnableSecretVersion implements the API.
func (s *vault) EnableSecretVersion(_ context.Context, r *secretmanagerpb.EnableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.turn(r.GetName(), secretmanagerpb.SecretVersion_ENABLED)
}

// DisableSecretVersion implements the API.
func (s *vault) DisableSecretVersion(_ context.Context, r *secretmanagerpb.DisableSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.turn(r.GetName(), secretmanagerpb.SecretVersion_DISABLED)
}

// DestroySecretVersion implements the API.
func (s *vault) DestroySecretVersion(_ context.Context, r *secretmanagerpb.DestroySecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	return s.turn(r.GetName(), secretmanagerpb.SecretVersion_DESTROYED)
}

// turn changes the state of a version; DESTROYED is for ever.
func (s *vault) turn(resource string, to secretmanagerpb.SecretVersion_State) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.secrets[parent(resource)]
	if found == nil {
		return nil, notFound(resource)
	}
	n, err := find(found, resource)
	if err != nil {
		return nil, err
	}
	v := &found.versions[n-1]
	if v.state == secretmanagerpb.SecretVersion_DESTROYED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in DESTROYED state.", resource)
	}
	if v.state = to; to == secretmanagerpb.SecretVersion_DESTROYED {
		v.data = nil
	}
	return found.version(parent(resource), n), nil
}
