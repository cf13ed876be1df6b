package memstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/storetest"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return memstore.New(time.Now) })
}

func TestStampsWithTheGivenClock(t *testing.T) {
	ctx, now := t.Context(), time.Date(2027, 1, 2, 3, 4, 5, 6, time.UTC)
	s := memstore.New(func() time.Time { return now })
	_, err := s.Write(ctx, "A", atlassian.NewSecret("one"), store.Plain)
	require.NoError(t, err)
	first := now
	now = now.Add(-time.Hour) // a clock may jump back
	_, err = s.Write(ctx, "A", atlassian.NewSecret("two"), store.Plain)
	require.NoError(t, err)

	e, err := storetest.Version(ctx, s, "A", 1)
	require.NoError(t, err)
	require.Equal(t, first, e.Modified)
	entries, err := s.Read(ctx, "A")
	require.NoError(t, err)
	require.Equal(t, now, entries["A"].Modified)
}

// The ring turns over many times: always exactly the last 100 are kept.
func TestKeepsExactlyTheLastHundred(t *testing.T) {
	ctx, s := t.Context(), memstore.New(time.Now)
	for n := int64(1); n <= 1050; n++ {
		v, err := s.Write(ctx, "A", atlassian.NewSecret(fmt.Sprint(n)), store.Plain)
		require.NoError(t, err)
		require.Equal(t, n, v)
		if n%50 != 0 && n != 101 {
			continue
		}
		for v := int64(-1); v <= n+1; v++ {
			e, err := storetest.Version(ctx, s, "A", v)
			if v > 0 && v <= n && v > n-store.KeptVersions {
				require.NoError(t, err)
				require.Equal(t, v, e.Version)
				require.Equal(t, fmt.Sprint(v), e.Value.Reveal())
			} else {
				require.ErrorIs(t, err, store.ErrNotFound)
			}
		}
	}
}

func TestKeepsTheKind(t *testing.T) {
	ctx, s := t.Context(), memstore.New(time.Now)
	_, err := s.Create(ctx, "A", atlassian.NewSecret("seed"), store.Plain)
	require.NoError(t, err)
	_, err = s.Write(ctx, "A", atlassian.NewSecret("token"), store.Encrypted)
	require.NoError(t, err)
	entries, err := s.Read(ctx, "A")
	require.NoError(t, err)
	require.Equal(t, store.Plain, entries["A"].Kind)
}

// A simulated rotation reads six names and writes three, millions of times.
func BenchmarkRead6(b *testing.B) {
	ctx, s := context.Background(), memstore.New(time.Now)
	var names []string
	for _, n := range []string{"CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN", "CLOUD_ID", "TOKEN_FAMILY"} {
		names = append(names, "PSOXY_JIRA_CLOUD_"+n)
		_, err := s.Write(ctx, names[len(names)-1], atlassian.NewSecret(n), store.Encrypted)
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Read(ctx, names...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	ctx, s, value := context.Background(), memstore.New(time.Now), atlassian.NewSecret("a token")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Write(ctx, "PSOXY_JIRA_CLOUD_REFRESH_TOKEN", value, store.Encrypted); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLockAndRelease(b *testing.B) {
	ctx, s, value := context.Background(), memstore.New(time.Now), atlassian.NewSecret("locked_1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Create(ctx, "LOCK", value, store.Plain); err != nil {
			b.Fatal(err)
		}
		if err := s.Delete(ctx, "LOCK"); err != nil {
			b.Fatal(err)
		}
	}
}
