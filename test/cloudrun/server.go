// Package cloudrun is an emulator of the calls that look at a Cloud Run service, at who may
// call it, and at a Cloud Scheduler job, for the real client libraries, which speak REST. It
// answers by the API references, with the form of Google's errors. It was never compared
// with Google's own servers.
//
// Only tests import this package.
package cloudrun

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Object is a resource of the API as JSON.
type Object = map[string]any

// Server is a running emulator.
type Server struct {
	// Address is its host and port.
	Address string

	mu sync.Mutex
	// resources are by their path, such as v2/projects/P/locations/R/services/N.
	resources map[string]Object
	refused   map[string]int
}

// Start starts an emulator, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{resources: map[string]Object{}, refused: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.Address = strings.TrimPrefix(server.URL, "http://")
	return s
}

// Service lets a project have a service, and those in the policy call it.
func (s *Server) Service(project, region, name string, service, policy Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := fmt.Sprintf("projects/%s/locations/%s/services/%s", project, region, name)
	service["name"] = path
	s.resources["v2/"+path], s.resources["v2/"+path+":getIamPolicy"] = service, policy
}

// Job lets a project have a job of Cloud Scheduler.
func (s *Server) Job(project, region, name string, job Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := fmt.Sprintf("projects/%s/locations/%s/jobs/%s", project, region, name)
	job["name"] = path
	s.resources["v1/"+path] = job
}

// Refuse lets the calls whose path ends so be answered with a status.
func (s *Server) Refuse(end string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[end] = status
}

// names are the canonical codes of Google's errors.
var names = map[int]string{http.StatusNotFound: "NOT_FOUND", http.StatusForbidden: "PERMISSION_DENIED", http.StatusMethodNotAllowed: "INVALID_ARGUMENT"}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/")
	found, status := s.resources[path], http.StatusOK
	switch {
	case r.Method != http.MethodGet:
		status = http.StatusMethodNotAllowed
	case found == nil:
		status = http.StatusNotFound
	}
	for end, refused := range s.refused {
		if strings.HasSuffix(path, end) {
			status = refused
		}
	}
	answer := found
	if status != http.StatusOK {
		answer = Object{"error": Object{"code": status, "status": names[status], "message": fmt.Sprintf("canary: the resource '%s', or permission on it (or it may not exist).", path)}}
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
