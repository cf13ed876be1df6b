package fleet

import (
	"hash/fnv"
	"time"
)

// MaxRefreshBefore is the most that an access token may have left when it is
// rotated: one of an hour would otherwise be due again at the next tick.
const MaxRefreshBefore = 55 * time.Minute

// maxSpread is how much sooner than the policy wants a connection may be due.
const maxSpread = 10 * time.Minute

// Spread gives a connection of many its own RefreshBefore, always the same and
// at least the one given, so that not all are due in one tick.
func Spread(before time.Duration, name string) time.Duration {
	room := min(maxSpread, MaxRefreshBefore-before)
	if room <= 0 {
		return before
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return before + time.Duration(h.Sum32())*time.Millisecond%room
}
