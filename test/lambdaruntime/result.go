package lambdaruntime

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// FunctionError is the error that an invocation ended with: one the function
// reported, or one of Lambda's own ("Runtime.ExitError", "Sandbox.Timedout").
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error implements error.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Result is how an invocation ended.
type Result struct {
	RequestID string
	// Payload is the answer; the whole error document where the function
	// reported an error, and nil where it answered nothing.
	Payload []byte
	// Error is nil when the function answered.
	Error *FunctionError
	// Logs is what the process wrote to stdout and stderr during the
	// invocation, its start included.
	Logs string
	// Cold: a new process was started. Exited: it died within the invocation.
	Cold, Exited bool
	// Init is the time from the process's start to its first request for an
	// event; zero unless Cold.
	Init time.Duration
	// InitRSS and PeakRSS are the most memory that the process has had resident
	// when it first asked for an event, and now; in bytes, 0 where not known.
	InitRSS, PeakRSS int64
	// Duration is the time from handing over the event to the end of the invocation.
	Duration time.Duration
}

// requestID makes a random UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
