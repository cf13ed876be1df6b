package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

// Guarded is a Keeper in which a panic about one connection does not end the
// process, and the others with it.
type Guarded struct{ Keeper Keeper }

// Tick is the guarded Keeper's, and Failed where that panics. The panic's value
// is not shown: it could hold anything.
func (g Guarded) Tick(ctx context.Context, c family.Connection, log *slog.Logger) (out keeper.Outcome) {
	defer func() {
		if recover() != nil {
			out = keeper.Outcome{Connection: c.Name, Action: keeper.Failed, Reason: "tokenkeeper has a fault: it panicked; see the stack trace in the log"}
			log.Error("panic", "connection", c.Name, "stack", stack())
		}
	}()
	return g.Keeper.Tick(ctx, c, log)
}

// stack returns the functions and lines on the stack. Unlike debug.Stack it
// shows no arguments.
func stack() []string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var lines []string
	for {
		f, more := frames.Next()
		lines = append(lines, fmt.Sprintf("%s %s:%d", f.Function, f.File, f.Line))
		if !more {
			return lines
		}
	}
}
