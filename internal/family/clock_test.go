package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// The leeway counts from when the store saw the first spend's lock, where the
// spender's clock says something else; a later attempt's lock says nothing of the first.
func TestTheLeewayCountsByTheStoresClock(t *testing.T) {
	for _, c := range []struct {
		name                     string
		first, attempt, modified time.Duration
		want                     family.Action
		since                    time.Duration
	}{
		{"clocks agree", 8 * time.Minute, 8 * time.Minute, 8*time.Minute - time.Second, family.Replay, 8 * time.Minute},
		{"the spender's was ahead", 4 * time.Minute, 4 * time.Minute, 12 * time.Minute, family.HoldInDoubt, 12 * time.Minute},
		{"the spender's was behind", time.Hour, time.Hour, 5 * time.Minute, family.Replay, 5 * time.Minute},
		{"a pause before the newest lock", 15 * time.Minute, 10 * time.Minute, 9*time.Minute - time.Second, family.LateProbe, 15 * time.Minute},
		{"a later attempt", 8 * time.Minute, 3 * time.Minute, 3 * time.Minute, family.Replay, 8 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := healthy()
			p.lock(now.Add(-c.modified), family.Intent{Owner: "other/1", Spending: fp("refresh-7"), FirstSpend: now.Add(-c.first), Attempt: now.Add(-c.attempt)})
			d := decide(p)
			require.Equal(t, c.want, d.Action, d.Reason)
			require.Equal(t, now.Add(-c.since), d.FirstSpend)
		})
	}
}
