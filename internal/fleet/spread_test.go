package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

func TestSpread(t *testing.T) {
	differ := map[time.Duration]bool{}
	for i := range 100 {
		before := fleet.Spread(25*time.Minute, fmt.Sprint("/t/", i, "_"))
		require.GreaterOrEqual(t, before, 25*time.Minute)
		require.Less(t, before, 35*time.Minute)
		require.Equal(t, before, fleet.Spread(25*time.Minute, fmt.Sprint("/t/", i, "_")))
		require.LessOrEqual(t, fleet.Spread(50*time.Minute, fmt.Sprint("/t/", i, "_")), 55*time.Minute)
		differ[before] = true
	}
	require.Greater(t, len(differ), 90)
}
