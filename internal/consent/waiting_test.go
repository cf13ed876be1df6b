package consent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// The store's clock tells whole seconds, so two consents within one may seem to have been given
// in the other order. A person has seen the newer one, and confirms it.
func TestSupersededToTheSecond(t *testing.T) {
	at := time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)
	w := &waiting{At: at, refresh: atlassian.NewSecret("a-refresh-token")}
	for after, want := range map[time.Duration]bool{-time.Hour: false, time.Second: false, time.Second + time.Millisecond: true, time.Hour: true} {
		require.Equal(t, want, w.superseded(family.Record{AuthorizedAt: at.Add(after)}), "%s", after)
	}
}
