package rotation

import (
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// Postponed is an action that did not happen: the tick's time was up before the
// connection was served. Somebody should look if it stays so.
const Postponed Action = "postponed"

// Postpone is the outcome of a connection that a tick has not served, with what
// its record says about the family; r is nil where that is not known.
func Postpone(c Connection, r *family.Record, now time.Time) Outcome {
	out := Outcome{Connection: c.Name, Action: Postponed, Reason: "the tick's time was up before its turn came"}
	if r != nil {
		out.describe(*r, now, c.Policy)
	}
	return out
}
