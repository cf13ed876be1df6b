package keeper_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// issuer is Atlassian, and the way there.
type issuer struct {
	t      *testing.T
	em     *atlassiantest.Emulator
	fix    atlassiantest.Fixture
	client *atlassian.Client
}

// posts is how many token requests reached the emulator.
func (i *issuer) posts() int { return int(i.em.EventCount()) }

// inject makes the token endpoint answer with this status, a number of times; 0
// means always.
func (i *issuer) inject(when atlassiantest.When, status, times int) {
	i.t.Helper()
	require.NoError(i.t, i.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: when,
		Kind: atlassiantest.KindStatus, Status: status, Times: times}))
}

// blocked lets every list of sites be empty, as an administrator does who blocks
// the app: nothing else changes.
func (i *issuer) blocked() {
	require.NoError(i.t, i.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindEmpty}))
}

// requireAlive checks that the n-th family lives.
func (i *issuer) requireAlive(n int) {
	i.t.Helper()
	require.Nil(i.t, i.em.Families()[n].Death)
}

// script gives token requests a fixed answer, a number of times, instead of the
// emulator's.
type script struct {
	status int
	body   string
	header http.Header
	times  int
	// commits: the emulator is asked all the same.
	commits bool
	// asked is how often it answered, and presented what with.
	asked     int
	presented []string
}

// RoundTrip implements http.RoundTripper.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.asked >= s.times || r.URL.Path != "/oauth/token" {
		return http.DefaultTransport.RoundTrip(r)
	}
	s.asked++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if s.commits {
		r.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	var request struct {
		Refresh string `json:"refresh_token"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, err
	}
	s.presented = append(s.presented, request.Refresh)
	header := s.header
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}}
	}
	return &http.Response{StatusCode: s.status, Header: header, Request: r, ContentLength: -1,
		Body: io.NopCloser(strings.NewReader(s.body))}, nil
}

// answer makes the token endpoint give this answer, a number of times.
func (i *issuer) answer(status int, code string, times int) *script {
	s := &script{status: status, body: fmt.Sprintf(`{"error":%q}`, code), times: times}
	i.client.HTTPClient = &http.Client{Transport: s}
	return s
}
