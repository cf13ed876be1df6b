package atlassiantest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A fault that replaces the answer looks the same to the client on both sides of
// the commit. Only the truth tells them apart.
func TestFaultsAtTheTokenEndpoint(t *testing.T) {
	date := start.Add(time.Minute).Format(http.TimeFormat)
	for name, c := range map[string]struct {
		fault atlassiantest.Fault
		check func(*testing.T, reply, error)
	}{
		"drop": {atlassiantest.Fault{Kind: atlassiantest.KindDrop}, func(t *testing.T, _ reply, err error) {
			require.ErrorContains(t, err, "EOF")
		}},
		"cut": {atlassiantest.Fault{Kind: atlassiantest.KindCut}, func(t *testing.T, _ reply, err error) {
			require.ErrorContains(t, err, "unexpected EOF")
		}},
		"html": {atlassiantest.Fault{Kind: atlassiantest.KindHTML}, func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 200, r.status)
			require.Contains(t, r.header.Get("Content-Type"), "text/html")
			require.Contains(t, r.body, "<html")
		}},
		"truncated": {atlassiantest.Fault{Kind: atlassiantest.KindTruncated}, func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, 200, r.status)
			require.True(t, strings.HasPrefix(r.body, `{"access_token":"eyJ`))
			require.False(t, json.Valid([]byte(r.body)))
		}},
		"429":         statusCase(429, "", ""),
		"429 seconds": statusCase(429, "30", "30"),
		"429 date":    statusCase(429, date, date),
		"500":         statusCase(500, "", ""),
		"502":         statusCase(502, "", ""),
		"503":         statusCase(503, "7", "7"),
	} {
		for _, when := range []atlassiantest.When{atlassiantest.Before, atlassiantest.After} {
			t.Run(name+" "+string(when), func(t *testing.T) {
				s := serve(t, cheapWorld(t, nil))
				tokens := s.authorize(t)
				f := c.fault
				f.Endpoint, f.When, f.Times = atlassiantest.EndpointToken, when, 1
				require.NoError(t, s.e.Inject(f))
				got, err := s.do(s.tokenRequest(t, tokens))
				c.check(t, got, err)
				info, _ := s.e.Lookup(tokens.Refresh)
				events := s.e.Events()
				require.NotEmpty(t, events[1].Fault)
				require.Zero(t, events[1].Generation)
				require.Equal(t, tokens.FamilyID, events[1].FamilyID)
				require.Equal(t, when == atlassiantest.After, events[1].Committed)
				if when == atlassiantest.Before {
					require.Equal(t, atlassiantest.StatusLive, info.Status)
				} else {
					require.Equal(t, atlassiantest.StatusReusable, info.Status)
				}
				require.Empty(t, s.e.Faults())
				readTokens(t, s.must(t, s.tokenRequest(t, tokens))) // and the next request succeeds
			})
		}
	}
}

func statusCase(status int, retryAfter, header string) struct {
	fault atlassiantest.Fault
	check func(*testing.T, reply, error)
} {
	return struct {
		fault atlassiantest.Fault
		check func(*testing.T, reply, error)
	}{
		atlassiantest.Fault{Kind: atlassiantest.KindStatus, Status: status, RetryAfter: retryAfter},
		func(t *testing.T, r reply, err error) {
			require.NoError(t, err)
			require.Equal(t, status, r.status)
			require.Equal(t, header, r.header.Get("Retry-After"))
		},
	}
}

func TestFaultOddExpiresIn(t *testing.T) {
	for _, value := range []string{"", "0", "-5", `"3600"`, "1e30", "99999999999999999999", "null", "3600.5"} {
		t.Run(value, func(t *testing.T) {
			s := serve(t, cheapWorld(t, nil))
			require.NoError(t, s.e.Inject(atlassiantest.Fault{
				Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindExpiresIn,
				ExpiresIn: json.RawMessage(value), Times: 1,
			}))
			got := s.must(t, s.tokenRequest(t, s.authorize(t)))
			require.Equal(t, value, string(readTokens(t, got).ExpiresIn))
			require.Equal(t, value != "", strings.Contains(got.body, "expires_in"))
		})
	}
}

func TestFaultOmitAccess(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	require.NoError(t, s.e.Inject(atlassiantest.Fault{
		Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindOmitAccess, Times: 1,
	}))
	got := s.must(t, s.tokenRequest(t, s.authorize(t)))
	require.NotContains(t, got.body, "access_token")
	info, _ := s.e.Lookup(atlassian.NewSecret(readTokens(t, got).Refresh))
	require.Equal(t, atlassiantest.StatusLive, info.Status)
}

func TestFaultOmitRefresh(t *testing.T) {
	for when, status := range map[atlassiantest.When]atlassiantest.Status{
		atlassiantest.Before: atlassiantest.StatusLive, atlassiantest.After: atlassiantest.StatusReusable,
	} {
		t.Run(string(when), func(t *testing.T) {
			s := serve(t, cheapWorld(t, nil))
			tokens := s.authorize(t)
			require.NoError(t, s.e.Inject(atlassiantest.Fault{
				Endpoint: atlassiantest.EndpointToken, When: when, Kind: atlassiantest.KindOmitRefresh, Times: 1,
			}))
			got := s.must(t, s.tokenRequest(t, tokens))
			require.NotContains(t, got.body, "refresh_token")
			_, err := s.e.ValidateAccess(atlassian.NewSecret(readTokens(t, got).Access))
			require.NoError(t, err)
			info, _ := s.e.Lookup(tokens.Refresh)
			require.Equal(t, status, info.Status)
		})
	}
}

// A delayed request is carried out even if the client gave up.
func TestDelayOutlivesTheClient(t *testing.T) {
	for _, when := range []atlassiantest.When{atlassiantest.Before, atlassiantest.After} {
		t.Run(string(when), func(t *testing.T) {
			s := serve(t, cheapWorld(t, nil))
			tokens := s.authorize(t)
			require.NoError(t, s.e.Inject(atlassiantest.Fault{
				Endpoint: atlassiantest.EndpointToken, When: when, Kind: atlassiantest.KindDelay, Delay: 100 * time.Millisecond, Times: 1,
			}))
			s.client.Timeout = 20 * time.Millisecond
			_, err := s.do(s.tokenRequest(t, tokens))
			require.ErrorContains(t, err, "Client.Timeout")
			require.Eventually(t, func() bool {
				info, _ := s.e.Lookup(tokens.Refresh)
				return info.Status == atlassiantest.StatusReusable
			}, 5*time.Second, 5*time.Millisecond)
		})
	}
}

// Close does not wait for a delay to pass.
func TestCloseEndsDelays(t *testing.T) {
	w := cheapWorld(t, nil)
	server := atlassiantest.NewServer(w.e)
	s := &served{w, server.URL, &http.Client{}}
	request := s.tokenRequest(t, w.authorize(t))
	require.NoError(t, w.e.Inject(atlassiantest.Fault{
		Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindDelay, Delay: time.Hour, Times: 1,
	}))
	failed := make(chan error)
	go func() { _, err := s.do(request); failed <- err }()
	require.Eventually(t, func() bool { return len(w.e.Faults()) == 0 }, 5*time.Second, time.Millisecond)
	began := time.Now()
	server.Close()
	require.Less(t, time.Since(began), 2*time.Second, "it should not need its grace period")
	require.Error(t, <-failed)
	server.Close()
}

// Faults wait in a queue, match by endpoint and grant type, and apply Times times.
func TestFaultQueue(t *testing.T) {
	s := serve(t, cheapWorld(t, nil))
	tokens := s.authorize(t)
	for _, f := range []atlassiantest.Fault{
		{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 501, GrantType: "authorization_code"},
		{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 502, Times: 2},
		{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503},
		{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindTruncated, Times: 1},
		{Endpoint: atlassiantest.EndpointAPI, When: atlassiantest.After, Kind: atlassiantest.KindStatus, Status: 429, RetryAfter: "9"},
	} {
		require.NoError(t, s.e.Inject(f))
	}
	var statuses []int
	for range 5 {
		statuses = append(statuses, s.must(t, s.tokenRequest(t, tokens)).status)
	}
	require.Equal(t, []int{502, 502, 503, 503, 503}, statuses)
	_, err := s.e.Exchange(s.exchange(s.code(t)))
	require.EqualError(t, err, "injected fault: status 501 before")

	// A fault also applies to a request with an unreadable body.
	require.Equal(t, 503, s.must(t, newRequest(t, "POST", s.url+"/oauth/token", "text/plain", "x")).status)

	require.False(t, json.Valid([]byte(s.get(t, "/oauth/token/accessible-resources", tokens.Access).body)))
	require.True(t, json.Valid([]byte(s.get(t, "/oauth/token/accessible-resources", tokens.Access).body)))
	limited := s.get(t, "/me", tokens.Access)
	require.Equal(t, 429, limited.status)
	require.Equal(t, "9", limited.header.Get("Retry-After"))
	require.Equal(t, "0", limited.header.Get("X-RateLimit-Remaining"))
	require.NotEmpty(t, limited.header.Get("RateLimit-Reason"))

	require.Len(t, s.e.Faults(), 3)
	s.e.ClearFaults()
	readTokens(t, s.must(t, s.tokenRequest(t, tokens)))
}

func TestFaultIsChecked(t *testing.T) {
	e := atlassiantest.New(atlassiantest.Config{})
	good := atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop}
	for expected, change := range map[string]func(*atlassiantest.Fault){
		"endpoint":           func(f *atlassiantest.Fault) { f.Endpoint = "x" },
		"when":               func(f *atlassiantest.Fault) { f.When = "" },
		"kind":               func(f *atlassiantest.Fault) { f.Kind = "" },
		"status 199":         func(f *atlassiantest.Fault) { f.Kind, f.Status = atlassiantest.KindStatus, 199 },
		"belong to":          func(f *atlassiantest.Fault) { f.Code = "invalid_request" },
		"without an":         func(f *atlassiantest.Fault) { f.Kind = atlassiantest.KindEncoded },
		"encoding \"br\"":    func(f *atlassiantest.Fault) { f.Encoding = "br" },
		"\"resources\" only": func(f *atlassiantest.Fault) { f.Kind = atlassiantest.KindEmpty },
		"status 0":           func(f *atlassiantest.Fault) { f.Kind = atlassiantest.KindStatus },
		"delay 0s":           func(f *atlassiantest.Fault) { f.Kind = atlassiantest.KindDelay },
		"delay -1ns":         func(f *atlassiantest.Fault) { f.Delay = -1 },
		"\"token\" only":     func(f *atlassiantest.Fault) { f.Kind, f.Endpoint = atlassiantest.KindExpiresIn, "api" },
		"not JSON":           func(f *atlassiantest.Fault) { f.ExpiresIn = json.RawMessage("-") },
		"grant_type":         func(f *atlassiantest.Fault) { f.GrantType = "x" },
		"times":              func(f *atlassiantest.Fault) { f.Times = -1 },
	} {
		t.Run(expected, func(t *testing.T) {
			f := good
			change(&f)
			require.ErrorContains(t, e.Inject(f), expected)
		})
	}
	require.NoError(t, e.Inject(good))
}
