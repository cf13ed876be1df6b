package tokensource_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"
	"github.com/tokenkeeper/tokenkeeper/pkg/tokensource"
	"golang.org/x/oauth2"
)

// memory is the Parameter Store of one test. It works inside a synctest bubble.
type memory struct {
	mu         sync.Mutex
	parameters map[string]string
	fails      error
	takes      time.Duration
	reads      atomic.Int64
}

func (m *memory) GetParameter(ctx context.Context, in *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	m.reads.Add(1)
	if m.takes > 0 {
		select {
		case <-time.After(m.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.parameters[*in.Name]
	switch {
	case m.fails != nil:
		return nil, m.fails
	case !ok:
		return nil, &types.ParameterNotFound{}
	case !*in.WithDecryption:
		value = "encrypted"
	}
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{Value: &value}}, nil
}

func (m *memory) set(value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parameters = map[string]string{"C_ACCESS_TOKEN": value}
}

// jwt is an unsigned token that expires at ends.
func jwt(mark string, ends time.Time) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(fmt.Appendf(nil, `{"sub":%q,"exp":%d}`, mark, ends.Unix())) + "." + encode([]byte("signature"))
}

func psoxy(token string, ends time.Time) string {
	return fmt.Sprintf(`{"token":%q,"expirationDate":%d}`, token, ends.UnixMilli())
}

func TestCache(t *testing.T) {
	for _, tt := range []struct {
		name string
		// life is how long the stored token lives; form writes it.
		life time.Duration
		form func(mark string, ends time.Time) string
		// until is when the source asks again.
		until time.Duration
	}{
		{"five minutes of an hour", time.Hour, jwt, 5 * time.Minute},
		{"not beyond the claim exp", 3 * time.Minute, jwt, 3 * time.Minute},
		{"not beyond psoxy's expirationDate", 2 * time.Minute, psoxy, 2 * time.Minute},
		{"the earlier of claim and expirationDate", 4 * time.Minute, func(mark string, ends time.Time) string {
			return psoxy(jwt(mark, ends.Add(-time.Minute)), ends)
		}, 3 * time.Minute},
		{"five minutes for an opaque token", time.Minute, func(mark string, _ time.Time) string { return "opaque-" + mark }, 5 * time.Minute},
		{"an expirationDate in seconds is ignored", time.Minute, func(mark string, ends time.Time) string {
			return fmt.Sprintf(`{"token":%q,"expirationDate":%d}`, mark, ends.Unix())
		}, 5 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(26 * 365 * 24 * time.Hour) // a bubble begins in 2000; real tokens are later
				store := &memory{}
				store.set(tt.form("one", time.Now().Add(tt.life)))
				source := tokensource.FromParameterStore(store, "C_")
				first, err := source.Token()
				require.NoError(t, err)
				require.Equal(t, time.Now().Add(tt.until).UTC(), first.Expiry.UTC())

				store.set(tt.form("two", time.Now().Add(time.Hour)))
				time.Sleep(tt.until - time.Nanosecond)
				same, err := source.Token()
				require.NoError(t, err)
				require.Equal(t, first.AccessToken, same.AccessToken)
				require.EqualValues(t, 1, store.reads.Load())

				time.Sleep(time.Nanosecond)
				next, err := source.Token()
				require.NoError(t, err)
				require.NotEqual(t, first.AccessToken, next.AccessToken)
				require.EqualValues(t, 2, store.reads.Load())
			})
		})
	}
}

// The cache of oauth2 keeps a token no longer than the source does.
func TestOtherCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(26 * 365 * 24 * time.Hour)
		store := &memory{}
		store.set(jwt("one", time.Now().Add(time.Hour)))
		reuse := oauth2.ReuseTokenSource(nil, tokensource.FromParameterStore(store, "C_"))
		first, err := reuse.Token()
		require.NoError(t, err)
		store.set(jwt("two", time.Now().Add(2*time.Hour)))
		time.Sleep(5 * time.Minute)
		next, err := reuse.Token()
		require.NoError(t, err)
		require.NotEqual(t, first.AccessToken, next.AccessToken)
	})
}

func TestInvalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		store.set("token-one")
		source := tokensource.FromParameterStore(store, "C_")
		source.Invalidate(&oauth2.Token{}) // the cache is empty
		source.Invalidate(nil)
		token := func() *oauth2.Token {
			token, err := source.Token()
			require.NoError(t, err)
			return token
		}
		first := token()

		source.Invalidate(&oauth2.Token{AccessToken: "another"})
		token()
		require.EqualValues(t, 1, store.reads.Load(), "another token is not a reason to read")

		source.Invalidate(first)
		require.Equal(t, first.AccessToken, token().AccessToken)
		require.EqualValues(t, 2, store.reads.Load())

		time.Sleep(30*time.Second - time.Nanosecond)
		source.Invalidate(first)
		token()
		require.EqualValues(t, 2, store.reads.Load(), "it was read again and is still the stored one")

		time.Sleep(time.Nanosecond)
		store.set("token-two")
		source.Invalidate(first)
		next := token()
		require.Equal(t, "token-two", next.AccessToken)
		require.EqualValues(t, 3, store.reads.Load())

		source.Invalidate(first) // a late answer to a request with the old token
		token()
		require.EqualValues(t, 3, store.reads.Load())
		source.Invalidate(next)
		token()
		require.EqualValues(t, 4, store.reads.Load(), "the new token is read again at once")
	})
}

func TestManyCallersShareARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{takes: time.Second}
		store.set("token")
		source := tokensource.FromParameterStore(store, "C_")
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				_, err := source.Token()
				require.NoError(t, err)
			})
		}
		callers.Wait()
		require.EqualValues(t, 1, store.reads.Load())
	})
}

// No caller waits for longer than ten seconds, even behind other callers.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{takes: time.Hour}
		source := tokensource.FromParameterStore(store, "C_")
		began := time.Now()
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				_, err := source.Token()
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		callers.Wait()
		require.Equal(t, 10*time.Second, time.Since(began))
	})
}

func TestFailures(t *testing.T) {
	outage := errors.New("no answer")
	for _, tt := range []struct {
		name, value string
		fails       error
		want        error
		says        string
	}{
		{"absent", "", nil, tokensource.ErrNoToken, "C_ACCESS_TOKEN: there is no access token: run"},
		{"blank", " \n", nil, tokensource.ErrNoToken, "authorize"},
		{"placeholder", "fill me", nil, tokensource.ErrNoToken, "authorize"},
		{"ended", jwt("secret", time.Now().Add(-time.Minute)), nil, tokensource.ErrExpired, "C_ACCESS_TOKEN: the stored access token has expired at 20"},
		{"ended, in psoxy's form", psoxy("secret", time.Now()), nil, tokensource.ErrExpired, "status"},
		{"other JSON", `{"access_token":"secret"}`, nil, nil, "is not psoxy's"},
		{"half of psoxy's JSON", `{"token":"secret`, nil, nil, "is not psoxy's"},
		{"an outage", "secret", outage, outage, "reading C_ACCESS_TOKEN: no answer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &memory{fails: tt.fails}
			if tt.value != "" {
				store.set(tt.value)
			}
			token, err := tokensource.FromParameterStore(store, "C_").Token()
			require.Nil(t, token)
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "secret")
			if tt.want != nil {
				require.ErrorIs(t, err, tt.want)
			}
		})
	}
}

// If the store fails after the cache's time, the caller gets the error and not the
// old token.
func TestOldTokenIsNotReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		store.set("token")
		source := tokensource.FromParameterStore(store, "C_")
		_, err := source.Token()
		require.NoError(t, err)
		time.Sleep(5 * time.Minute)
		store.fails = errors.New("no answer")
		_, err = source.Token()
		require.ErrorContains(t, err, "no answer")
		store.fails = nil
		_, err = source.Token()
		require.NoError(t, err)
	})
}

func TestNothingIsShown(t *testing.T) {
	store := &memory{}
	token := "a-token-that-nobody-may-see"
	store.set(token)
	source := tokensource.FromParameterStore(store, "C_")
	_, err := source.Token()
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, source), token)
		require.NotContains(t, fmt.Sprintf(verb, *source.Client()), token)
		require.NotContains(t, fmt.Sprintf(verb, source.Client().Transport), token)
	}
}
