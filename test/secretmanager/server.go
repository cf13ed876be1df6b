package secretmanager

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Project is a project that tests use.
const Project = "a-project"

// Server is a running emulator.
type Server struct {
	// Address is its host and port.
	Address string

	vault  *vault
	mu     sync.Mutex
	denied map[Call]bool
	before func(Call) error
	after  func(Call) error
	calls  map[string]int
}

// Call is a call of the API.
type Call struct {
	// Method is one such as AddSecretVersion.
	Method string
	// Secret is the id of the secret.
	Secret string
}

// Start starts an emulator, which ends with the test. The clock is time.Now where
// now is nil.
func Start(t testing.TB, now func() time.Time) *Server {
	t.Helper()
	if now == nil {
		now = time.Now
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: listener.Addr().String(), vault: &vault{now: now, secrets: map[string]*secret{}}, denied: map[Call]bool{}, calls: map[string]int{}}
	g := grpc.NewServer(grpc.UnaryInterceptor(s.intercept))
	secretmanagerpb.RegisterSecretManagerServiceServer(g, guarded{s.vault, s})
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	return s
}

// Deny takes a permission away: the method on the secret, or on all where that is
// empty.
func (s *Server) Deny(method, secret string) { s.permit(method, secret, true) }

// Allow gives a permission back.
func (s *Server) Allow(method, secret string) { s.permit(method, secret, false) }

func (s *Server) permit(method, secret string, denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[Call{method, secret}] = denied
}

// Before lets f decide whether a call is carried out; its error is the answer.
func (s *Server) Before(f func(Call) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// After lets f see a call that was carried out; its error replaces the answer.
func (s *Server) After(f func(Call) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = f
}

// Freeze lets changes propagate no further, until Thaw: all but the versions, by
// their number, is answered as it is now. Changes are made, and etags compared, as
// things really are.
func (s *Server) Freeze() { s.vault.freeze(false) }

// FreezeAll is Freeze, and holds back the metadata of versions too. Only their
// payloads are current, which is all that Google promises.
func (s *Server) FreezeAll() { s.vault.freeze(true) }

// Thaw lets everything propagate.
func (s *Server) Thaw() { s.vault.thaw() }

// Labels returns the labels of a secret as they really are.
func (s *Server) Labels(id string) map[string]string {
	return s.vault.labels("projects/" + Project + "/secrets/" + id)
}

// IDs returns the ids of all secrets, sorted.
func (s *Server) IDs() (ids []string) {
	for _, name := range s.vault.names() {
		ids = append(ids, id(name))
	}
	return ids
}

// Calls returns how often each method was called since the last time.
func (s *Server) Calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = map[string]int{}
	return calls
}

// guarded is the vault with what only the Server knows: who may do what.
type guarded struct {
	*vault
	server *Server
}

// methodOf is the method that a permission allows.
var methodOf = map[string]string{
	"secretmanager.secrets.get": "GetSecret", "secretmanager.secrets.update": "UpdateSecret", "secretmanager.versions.access": "AccessSecretVersion",
	"secretmanager.versions.add": "AddSecretVersion", "secretmanager.versions.destroy": "DestroySecretVersion", "secretmanager.versions.get": "GetSecretVersion",
	"secretmanager.versions.list": "ListSecretVersions",
}

// TestIamPermissions implements the API: all is allowed that was not denied. Of a secret
// that does not exist, nothing is.
func (g guarded) TestIamPermissions(_ context.Context, r *iampb.TestIamPermissionsRequest) (*iampb.TestIamPermissionsResponse, error) {
	answer := &iampb.TestIamPermissionsResponse{}
	if !slices.Contains(g.names(), r.GetResource()) {
		return answer, nil
	}
	g.server.mu.Lock()
	defer g.server.mu.Unlock()
	for _, p := range r.GetPermissions() {
		method, known := methodOf[p]
		if !known {
			return nil, status.Errorf(codes.InvalidArgument, "The permission %q is not known.", p)
		}
		if !g.server.denied[Call{method, id(r.GetResource())}] && !g.server.denied[Call{Method: method}] {
			answer.Permissions = append(answer.Permissions, p)
		}
	}
	return answer, nil
}

// intercept is around every call.
func (s *Server) intercept(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	_ = grpc.SetHeader(ctx, metadata.Pairs("date", s.vault.now().UTC().Format(http.TimeFormat)))
	c := Call{Method: info.FullMethod[strings.LastIndex(info.FullMethod, "/")+1:], Secret: secretOf(request)}
	s.mu.Lock()
	s.calls[c.Method]++
	denied := s.denied[c] || s.denied[Call{Method: c.Method}]
	before, after := s.before, s.after
	s.mu.Unlock()
	if before != nil {
		if err := before(c); err != nil {
			return nil, err
		}
	}
	if denied {
		return nil, status.Errorf(codes.PermissionDenied, "Permission denied for resource %q (or it may not exist).", c.Secret)
	}
	answer, err := handler(ctx, request)
	if after != nil {
		if lost := after(c); lost != nil {
			return nil, lost
		}
	}
	return answer, err
}

// secretOf is the id of the secret that a request is about.
func secretOf(request any) string {
	switch r := request.(type) {
	case *secretmanagerpb.CreateSecretRequest:
		return r.GetSecretId()
	case *secretmanagerpb.UpdateSecretRequest:
		return id(r.GetSecret().GetName())
	case interface{ GetResource() string }:
		return id(r.GetResource())
	case interface{ GetParent() string }:
		return id(r.GetParent())
	case interface{ GetName() string }:
		return id(r.GetName())
	}
	return ""
}

// id is the secret's in a resource name.
func id(resource string) string {
	_, after, _ := strings.Cut(resource, "/secrets/")
	before, _, _ := strings.Cut(after, "/")
	return before
}
