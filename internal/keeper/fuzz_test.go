package keeper_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// canary takes the place of every % in a fuzzed value that can hold a secret.
// It is as long as the shortest of tokens.
const canary = "canary-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789"

// FuzzTick: the parameters may hold anything, and the token endpoint may answer
// anything. A tick neither panics nor reveals a secret. It spends under its own
// intent only, and deletes nothing but psoxy's lock. It replaces the refresh token
// only by what the endpoint returned, and the history keeps what was there before.
func FuzzTick(f *testing.F) {
	const answer = `{"access_token":"a-%","refresh_token":"r-%","expires_in":3600,"scope":"x"}`
	token := family.FingerprintOf(atlassian.NewSecret(plant("token-%")))
	record := family.Record{Schema: 1, Connection: conn, AuthorizedAt: fuzzStart.Add(-time.Hour), Refresh: token,
		RotatedAt: fuzzStart.Add(-time.Hour), AccessExpiresAt: fuzzStart}
	doubted := record.Fail(family.Failure{Class: "ambiguous", At: fuzzStart.Add(-time.Hour), FirstSpend: fuzzStart.Add(-time.Hour), Token: token})
	refused := record.Fail(family.Failure{Class: "permanent", Code: "invalid_grant", At: fuzzStart, Token: token})
	lock := `locked_1764000000000 {"owner":"dead/1","spending":"` + string(token) + `","first_spend":"2026-11-24T03:00:00Z"}`
	entry := `{"of":"` + conn + `","base":0,"mark":"m","at":"2026-11-24T03:57:00Z","state":{"refresh":"` + plant("token-%") + `","record":` + record.Encode().Reveal() + `,"inbox":{"seen":1}}}`
	intent := strings.Replace(entry, `"inbox"`, `"intent":{"owner":"dead","token":"`+string(token)+`"},"inbox"`, 1)
	for _, s := range []struct {
		secret, refresh, access, record, lock, ledger string
		status                                        int
		body, retryAfter                              string
	}{
		{"secret-%", "token-%", "access-%", record.Encode().Reveal(), "", "", 200, answer, ""},
		{"secret-%", "token-%", "", "", "", "", 200, answer, ""},
		{"secret-%", "token-%", "access-%", record.Encode().Reveal(), lock, "", 200, answer, ""},
		{"secret-%", "token-%", `{"token":"t-%","expirationDate":1764000000000}`, doubted.Encode().Reveal(), "locked_1764000000000", "", 502, "<html>%", ""},
		{"secret-%", "token-%", "access-%", strings.Replace(refused.Encode().Reveal(), "invalid_grant", "%", 1), "", "", 200, answer, ""},
		{"secret-%", "token-%", "access-%", refused.Encode().Reveal(), "", "", 200, answer, ""},
		{"secret-%", "token-%", "access-%", `{"access_token":"%"}`, "%", "", 403, `{"error":"invalid_grant","error_description":"%"}`, ""},
		{"secret-%", "token-%", "access-%", "%", "locked_%", "%", 429, `{"error":"%"}`, "600"},
		{"% ", `{"refresh_token":"%"}`, "access-%", "", "", "", 401, `{"error":"access_denied"}`, ""},
		{"secret-%", "token-%", "access-%", record.Encode().Reveal(), "", "", 200, `{"access_token":"%"}`, ""},
		{"secret-%", "token-%", "access-%", record.Encode().Reveal(), "", "", 200, `{"access_token":"%","refresh_token":"%` + "\n" + `"}`, ""},
		{"", "fill me", "", "", "", "", 200, answer, ""},
		{"secret-%", "token-%", "access-%", record.Encode().Reveal(), "", entry, 200, answer, ""},
		{"secret-%", "token-%x", "access-%", "", "", entry, 200, answer, ""},
		{"secret-%", "CHANGE_ME", "access-%", record.Encode().Reveal(), "", intent, 200, answer, ""},
		{"secret-%", "another-%", "access-%", record.Encode().Reveal(), "locked_x", intent, 403, `{"error":"unauthorized_client"}`, ""},
	} {
		f.Add(s.secret, s.refresh, s.access, s.record, s.lock, s.ledger, int64(3*time.Minute), s.status, s.body, s.retryAfter, false)
		f.Add(s.secret, s.refresh, s.access, s.record, s.lock, s.ledger, int64(3*time.Hour), s.status, s.body, s.retryAfter, true)
	}
	f.Fuzz(func(t *testing.T, secret, refresh, access, record, lock, entry string, age int64, status int, body, retryAfter string, shared bool) {
		w := &fuzzWorld{t: t, now: fuzzStart.Add(-time.Duration(age)), status: status, retryAfter: retryAfter, body: plant(body),
			planted: strings.Contains(record+entry, "%")}
		w.mem = memstore.New(func() time.Time { return w.now })
		for name, value := range map[string]string{names.ClientID: "client", names.ClientSecret: secret, names.RefreshToken: refresh,
			names.AccessToken: access, names.Family: record, names.Lock: lock, names.Ledger: entry} {
			// What no store can hold is absent.
			_, _ = w.mem.Write(context.Background(), name, atlassian.NewSecret(plant(value)), store.Encrypted)
		}
		w.now = fuzzStart
		before, err := w.mem.Read(context.Background(), names.RefreshToken)
		require.NoError(t, err)
		// What REFRESH_TOKEN may hold: what stood there or in the ledger, and answers.
		w.allowed = map[string]bool{before[names.RefreshToken].Value.Reveal(): true,
			family.FieldOf(before[names.RefreshToken]).Value.Reveal(): true, w.said().Refresh.Reveal(): true}

		policy := family.DefaultPolicy()
		if shared {
			policy.AccessFormat = psoxy.JSON
		}
		var k *keeper.Keeper
		for n, process := range []string{"p1", "p1", "p2"} {
			if n != 1 { // the last tick runs in a new process
				k = w.keeper(process)
			}
			w.tick(k, policy)
			w.now = w.now.Add(5 * time.Minute)
		}
		require.NotContains(t, w.log.String(), canary)
		w.requireHistory(before[names.RefreshToken])
	})
}

// said is what the newest version of the ledger says, valid or not.
func (w *fuzzWorld) said() family.State {
	found, err := w.mem.Read(context.Background(), names.Ledger)
	require.NoError(w.t, err)
	e := ledger.Peek(found[names.Ledger], conn)
	s, _ := family.ParseState(e.State, e.Written, conn)
	return s
}

var fuzzStart = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)

func plant(value string) string { return strings.ReplaceAll(value, "%", canary) }

// fuzzWorld is a store and a token endpoint that give one answer.
type fuzzWorld struct {
	t                *testing.T
	mem              *memstore.Store
	now              time.Time
	status           int
	body, retryAfter string
	process          string
	// allowed are the refresh tokens that may be in the store: the first, and
	// what the endpoint returned.
	allowed map[string]bool
	// planted: there is a canary in TOKEN_FAMILY already.
	planted bool
	log     bytes.Buffer
}

func (w *fuzzWorld) keeper(process string) *keeper.Keeper {
	w.process = process
	return keeper.New(keeper.Config{
		Store: watchedStore{w.mem, w}, Token: &atlassian.Client{HTTPClient: &http.Client{Transport: w}},
		Now:     func() time.Time { return w.now },
		Sleep:   func(_ context.Context, d time.Duration) { w.now = w.now.Add(d) },
		Process: process, Together: inTurn,
	})
}

func (w *fuzzWorld) tick(k *keeper.Keeper, p family.Policy) {
	ctx := invocation{context.Background(), w.now.Add(time.Minute)}
	out := k.Tick(ctx, family.Connection{Name: conn, Policy: p}, slog.New(slog.NewJSONHandler(&w.log, nil)))
	require.NotEmpty(w.t, out.Reason)
	report, err := json.Marshal(out)
	require.NoError(w.t, err)
	require.NotContains(w.t, string(report), canary)
}

// RoundTrip is the token endpoint.
func (w *fuzzWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	in := w.said().Intent
	require.NotNil(w.t, in, "a spend without an intent")
	require.Equal(w.t, w.process, in.Owner, "a spend under another's intent")
	if w.status/100 == 2 {
		w.allow()
	}
	return &http.Response{StatusCode: w.status, Header: http.Header{"Retry-After": {w.retryAfter}}, Body: io.NopCloser(strings.NewReader(w.body))}, nil
}

// allow allows the refresh tokens of an answer. It may end in something that is no JSON, or break
// off, and hold the pair within something else.
func (w *fuzzWorld) allow() {
	var answer struct {
		Refresh string `json:"refresh_token"`
	}
	if json.NewDecoder(strings.NewReader(w.body)).Decode(&answer) == nil {
		w.allowed[answer.Refresh] = true
	}
	for _, member := range refreshMember.FindAllStringSubmatch(w.body, -1) {
		if json.Unmarshal([]byte(member[1]), &answer.Refresh) == nil {
			w.allowed[strings.TrimSpace(answer.Refresh)] = true
		}
	}
}

var refreshMember = regexp.MustCompile(`"refresh_token"\s*:\s*("(?:[^"\\]|\\.)*")`)

// requireHistory checks that the refresh token was replaced, never removed.
func (w *fuzzWorld) requireHistory(first store.Entry) {
	entries, err := w.mem.Read(context.Background(), names.RefreshToken)
	require.NoError(w.t, err)
	newest, there := entries[names.RefreshToken]
	if require.True(w.t, there || first.Version == 0); !there {
		return
	}
	history, err := w.mem.History(context.Background(), names.RefreshToken, max(1, first.Version))
	require.NoError(w.t, err)
	require.Len(w.t, history, int(newest.Version-max(1, first.Version))+1)
	for _, e := range history {
		require.True(w.t, w.allowed[e.Value.Reveal()], "version %d is neither the first nor an answer", e.Version)
		require.True(w.t, e.Version > first.Version || e.Value == first.Value)
	}
}

// watchedStore allows a keeper nothing that could destroy state.
type watchedStore struct {
	store.Store
	w *fuzzWorld
}

func (s watchedStore) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	require.Contains(s.w.t, []string{names.RefreshToken, names.AccessToken, names.Family, names.CloudID, names.Ledger}, name)
	switch name {
	case names.Ledger:
		require.Equal(s.w.t, store.Encrypted, k)
	case names.Family:
		r, err := family.ParseRecord(value.Reveal(), conn)
		require.NoError(s.w.t, err, "what is written can be read")
		r.Scopes = nil // no secret, and the answer's word
		require.True(s.w.t, s.w.planted || !strings.Contains(r.Encode().Reveal(), canary))
	}
	return s.Store.Write(ctx, name, value, k)
}

func (s watchedStore) Create(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	require.Equal(s.w.t, names.Lock, name)
	require.NotContains(s.w.t, value.Reveal(), canary)
	return s.Store.Create(ctx, name, value, k)
}

func (s watchedStore) Delete(ctx context.Context, name string) error {
	require.Equal(s.w.t, names.Lock, name, "only the lock may be deleted")
	return s.Store.Delete(ctx, name)
}
