package rotation_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
)

// A process dies after a spend, and somebody puts the token before back "to try
// it": the tick inside the leeway restores the newest, remembers that it is in
// doubt, and presents it again at once.
func TestATokenInDoubtIsRestoredAndReplayed(t *testing.T) {
	w := newWorld(t)
	w.consent()
	older := w.get(names.RefreshToken)
	w.want(rotation.Rotated)
	w.clock.Advance(40 * time.Minute)
	w.ops = nil
	w.after = crashing("post")
	_, survived := w.tick()
	require.False(t, survived)
	w.after = nil
	w.clock.Advance(time.Minute)
	w.put(names.RefreshToken, older.Value.Reveal())
	w.clock.Advance(4 * time.Minute)
	w.want(rotation.Replayed)
	w.requireKept()
}

// One process holds a successor it could not save. Another, which it does not
// know of, saved it after all and has presented it: the held pair is given up,
// and with it the lock's word of that spend is not.
func TestAHeldPairThatWasPresentedSinceIsDropped(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.want(rotation.Rotated)
	w.clock.Advance(40 * time.Minute)
	w.ops = nil
	w.before = func(_ int, op string) error {
		if op == "write ACCESS_TOKEN" || op == "write TOKEN_FAMILY" {
			return errFault
		}
		return nil
	}
	w.want(rotation.Failed) // REFRESH_TOKEN is saved, the rest is held
	holder := w.keeper
	w.restart()
	w.clock.Advance(3 * time.Minute)
	w.before, w.after = nil, crashing("post")
	_, survived := w.tick()
	require.False(t, survived)
	w.after = nil
	w.keeper = holder
	w.clock.Advance(3 * time.Minute)
	w.want(rotation.Replayed)
	w.requireKept()
}
