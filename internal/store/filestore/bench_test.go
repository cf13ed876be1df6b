package filestore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// BenchmarkLedger measures what a ledger costs: entries of 4 KB, a hundred of
// them kept, two puts a rotation and a read a tick.
func BenchmarkLedger(b *testing.B) {
	s, err := Open(b.TempDir() + "/store")
	require.NoError(b, err)
	entry := atlassian.NewSecret(strings.Repeat(`"x`, 2048))
	for range store.KeptVersions {
		_, err := s.Write(b.Context(), "TOKEN_LEDGER", entry, store.Encrypted)
		require.NoError(b, err)
	}
	for name, call := range map[string]func() error{
		"put":     func() error { _, err := s.Write(b.Context(), "TOKEN_LEDGER", entry, store.Encrypted); return err },
		"read":    func() error { _, err := s.Read(b.Context(), "TOKEN_LEDGER"); return err },
		"history": func() error { _, err := s.History(b.Context(), "TOKEN_LEDGER", 1); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
