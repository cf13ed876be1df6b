package ssmstore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// answering is a Parameter Store that takes no time: it answers every read with
// two secrets, and every put with a version.
type answering struct{ reads, writes atomic.Int64 }

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	body := `{"Version":1}`
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetParameters") {
		a.reads.Add(1)
		body = `{"Parameters":[{"Name":"A","Type":"SecureString","Value":"a","Version":1},{"Name":"B","Type":"SecureString","Value":"b","Version":1}]}`
	} else {
		a.writes.Add(1)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// newPaced must be called in a bubble.
func newPaced(r Rates) (*answering, *Store) {
	a := &answering{}
	return a, New(NewClient(config(&http.Client{Transport: a})), "alias/aws/ssm", time.Now).Paced(r)
}

func TestPacedCalls(t *testing.T) {
	t.Run("writes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, s := newPaced(Rates{Reads: 30, Writes: 2.5})
			began := time.Now()
			for i := range 52 {
				put := s.Write
				if i%2 == 0 {
					put = s.Create
				}
				_, err := put(t.Context(), "A", value, store.Plain)
				require.NoError(t, err)
			}
			require.InDelta(t, 20, time.Since(began).Seconds(), 0.1, "52 writes, two of them at once")
			require.EqualValues(t, 52, a.writes.Load())
		})
	})
	t.Run("names by the ten", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, s := newPaced(Rates{Reads: 5, Writes: 1})
			names := make([]string, 195)
			for i := range names {
				names[i] = fmt.Sprint("N", i)
			}
			began := time.Now()
			_, err := s.Read(t.Context(), names...)
			require.NoError(t, err)
			require.InDelta(t, 3, time.Since(began).Seconds(), 0.1, "20 calls, five of them at once")
			require.EqualValues(t, 20, a.reads.Load())
		})
	})
	t.Run("a glance and its decryption are two calls", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, s := newPaced(Rates{Reads: 1, Writes: 1})
			for tick := range 3 {
				began := time.Now()
				_, err := s.Read(t.Context(), "A", "B")
				require.NoError(t, err)
				want := time.Second
				if tick == 0 {
					want = 0
				}
				require.Equal(t, want, time.Since(began))
				time.Sleep(2 * time.Minute)
			}
			require.EqualValues(t, 1+2+2, a.reads.Load())
		})
	})
}

func TestAContextEndsTheWaitForATurn(t *testing.T) {
	_, s := newPaced(Rates{Reads: 1e-6, Writes: 1e-6})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, call := range map[string]func() error{
		"a read":  func() error { _, err := s.Read(ctx, "A"); return err },
		"a write": func() error { _, err := s.Write(ctx, "A", value, store.Plain); return err },
	} {
		require.NoError(t, call(), name)
		err := call()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.ErrorContains(t, err, "A: ", name)
		require.ErrorContains(t, err, "turn would come after the deadline", name)
	}
	cancel()
	_, err := s.Create(ctx, "B", value, store.Plain)
	require.ErrorIs(t, err, context.Canceled)
}
