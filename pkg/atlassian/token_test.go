package atlassian_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestExpiresAt(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for in, want := range map[time.Duration]time.Time{
		0:              at,
		time.Second:    at.Add(time.Second),
		time.Hour:      at.Add(time.Hour),
		24 * time.Hour: at.AddDate(0, 0, 1),
	} {
		require.Equal(t, want, atlassian.Token{ExpiresIn: in}.ExpiresAt(at))
	}
}
