package secretmanager

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// vault holds the secrets, by their resource names, and implements the API. It knows
// nothing of permissions and lost answers: those are the Server's.
type vault struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer
	now     func() time.Time
	mu      sync.Mutex
	secrets map[string]*secret
	// behind is what all but AccessSecretVersion answer from, while it is not nil.
	behind map[string]*secret
	// hides: the metadata of versions by number are among that.
	hides bool
	etags int
}

// secret is a secret and its versions, the first one first.
type secret struct {
	created  time.Time
	labels   map[string]string
	etag     string
	versions []version
	// made is what it was made with: replication, delays and an end, which the emulator
	// shows and does not act upon.
	made *secretmanagerpb.Secret
}

type version struct {
	state   secretmanagerpb.SecretVersion_State
	data    []byte
	sum     *int64
	created time.Time
}

// describe is a secret as the API shows it.
func (s *secret) describe(name string) *secretmanagerpb.Secret {
	return &secretmanagerpb.Secret{Name: name, Labels: maps.Clone(s.labels), Etag: s.etag, CreateTime: timestamppb.New(s.created),
		Replication: s.made.GetReplication(), Expiration: s.made.GetExpiration(), VersionDestroyTtl: s.made.GetVersionDestroyTtl()}
}

func (s *vault) freeze(metadata bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hides = metadata
	s.behind = map[string]*secret{}
	for name, one := range s.secrets {
		copied := *one
		copied.labels, copied.versions = maps.Clone(one.labels), slices.Clone(one.versions)
		s.behind[name] = &copied
	}
}

func (s *vault) thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = nil
}

// labels are a secret's as they really are.
func (s *vault) labels(name string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.secrets[name]; found != nil {
		return maps.Clone(found.labels)
	}
	return nil
}

// names are those of all secrets as they really are, sorted.
func (s *vault) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.secrets))
}

// shown are the secrets as calls see them that need not see the last changes.
func (s *vault) shown() map[string]*secret {
	if s.behind != nil {
		return s.behind
	}
	return s.secrets
}

// seen is one of the shown secrets.
func (s *vault) seen(name string) (*secret, error) {
	if !secretName.MatchString(name) {
		return nil, status.Errorf(codes.InvalidArgument, "The name %q is invalid.", name)
	}
	if found := s.shown()[name]; found != nil {
		return found, nil
	}
	return nil, notFound(name)
}

func (s *vault) etag() string {
	s.etags++
	return fmt.Sprintf(`"%x"`, s.etags)
}
