package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// distant is a transport to a server in this process that answers after a while,
// and in no time of its own.
type distant struct {
	handler http.Handler
	latency time.Duration
}

// RoundTrip implements http.RoundTripper.
func (d distant) RoundTrip(r *http.Request) (*http.Response, error) {
	due := time.Now().Add(d.latency)
	answer := httptest.NewRecorder()
	d.handler.ServeHTTP(answer, r)
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(time.Until(due)):
		return answer.Result(), nil
	}
}

// parameterStore answers as Parameter Store does, from memory.
type parameterStore struct {
	tb     testing.TB
	memory *memstore.Store
	now    func() time.Time
}

// awsConfig reaches it at some distance.
func (p parameterStore) awsConfig(latency time.Duration) aws.Config {
	return aws.Config{Region: moto.Region, Credentials: credentials.NewStaticCredentialsProvider("none", "none", ""),
		BaseEndpoint: aws.String("http://parameter-store.invalid"), HTTPClient: &http.Client{Transport: distant{p, latency}}}
}

// asked is what the calls ask for.
type asked struct {
	Names          []string
	Name           string
	Value          string
	Type           string
	WithDecryption bool
}

// ServeHTTP implements http.Handler.
func (p parameterStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in asked
	require.NoError(p.tb, json.NewDecoder(r.Body).Decode(&in))
	var out any
	switch operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSSM."); operation {
	case "GetParameters":
		found, err := p.memory.Read(r.Context(), in.Names...)
		require.NoError(p.tb, err)
		var list []map[string]any
		for name, e := range found {
			list = append(list, answered(name, e, in.WithDecryption))
		}
		out = map[string]any{"Parameters": list}
	case "GetParameterHistory":
		versions, err := p.memory.History(r.Context(), in.Name, 0)
		require.NoError(p.tb, err)
		var list []map[string]any
		for _, e := range versions {
			list = append(list, answered(in.Name, e, in.WithDecryption))
		}
		out = map[string]any{"Parameters": list}
	case "PutParameter":
		kind := store.Plain
		if in.Type == "SecureString" {
			kind = store.Encrypted
		}
		version, err := p.memory.Write(r.Context(), in.Name, atlassian.NewSecret(in.Value), kind)
		require.NoError(p.tb, err)
		out = map[string]any{"Version": version}
	default:
		require.Fail(p.tb, "an operation that nobody expects: "+operation)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("Date", p.now().UTC().Format(http.TimeFormat))
	require.NoError(p.tb, json.NewEncoder(w).Encode(out))
}

func answered(name string, e store.Entry, decrypted bool) map[string]any {
	kind, value := "String", e.Value.Reveal()
	if e.Kind == store.Encrypted {
		if kind = "SecureString"; !decrypted {
			value = "a ciphertext"
		}
	}
	return map[string]any{"Name": name, "Type": kind, "Value": value, "Version": e.Version, "LastModifiedDate": float64(e.Modified.UnixMilli()) / 1e3}
}
