package paced_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/paced"
	"github.com/tokenkeeper/tokenkeeper/internal/store/storetest"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		return paced.New(memstore.New(time.Now), paced.Rates{Reads: 1e6, Writes: 1e6})
	})
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := paced.New(memstore.New(time.Now), paced.Rates{Reads: 30, Writes: 2.5})
		start := time.Now()
		for i := range 52 {
			var err error
			if name := fmt.Sprint("a", i); i%2 == 0 {
				_, err = s.Write(t.Context(), name, atlassian.NewSecret("v"), store.Plain)
			} else {
				_, err = s.Create(t.Context(), name, atlassian.NewSecret("v"), store.Plain)
			}
			require.NoError(t, err)
		}
		require.InDelta(t, 20, time.Since(start).Seconds(), 0.1, "52 writes, two of them at once")

		start = time.Now()
		for range 165 {
			_, err := s.Read(t.Context(), "a", "b")
			require.NoError(t, err)
		}
		many := make([]string, 150)
		for i := range many {
			many[i] = fmt.Sprint("a", i)
		}
		_, err := s.Read(t.Context(), many...)
		require.NoError(t, err)
		require.InDelta(t, 5, time.Since(start).Seconds(), 0.1, "165 calls and 15 for ten names each, thirty of them at once")
	})
}

func TestAContextEndsTheWait(t *testing.T) {
	s := paced.New(memstore.New(time.Now), paced.Rates{Reads: 1e-6, Writes: 1e-6})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, call := range []func() error{
		func() error { _, err := s.Read(ctx, "a"); return err },
		func() error { _, err := s.Write(ctx, "a", atlassian.NewSecret("v"), store.Plain); return err },
	} {
		require.NoError(t, call())
		require.ErrorIs(t, call(), context.DeadlineExceeded)
	}
	cancel()
	_, err := s.Create(ctx, "b", atlassian.NewSecret("v"), store.Plain)
	require.ErrorIs(t, err, context.Canceled)
}
