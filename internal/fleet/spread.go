package fleet

import (
	"hash/fnv"
	"time"
)

// MaxRefreshBefore is the largest RefreshBefore. With more, an access token of one
// hour would be due again at the next tick.
const MaxRefreshBefore = 55 * time.Minute

// maxSpread is how much sooner than the policy wants a connection may be due.
const maxSpread = 10 * time.Minute

// Spread gives each of many connections its own RefreshBefore, at least the given
// one, so that they are not all due in one tick. A connection always gets the
// same.
func Spread(before time.Duration, name string) time.Duration {
	room := min(maxSpread, MaxRefreshBefore-before)
	if room <= 0 {
		return before
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return before + time.Duration(h.Sum32())*time.Millisecond%room
}
