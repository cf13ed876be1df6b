package lambdaruntime

import (
	"crypto/rand"
	"encoding/hex"
	"time"
)

// FunctionError is the error of an invocation. Either the function reported it, or it
// is one of Lambda's own ("Runtime.ExitError", "Sandbox.Timedout").
type FunctionError struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// Error returns type and message.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Result is how an invocation ended.
type Result struct {
	RequestID string
	// Payload is the answer, or the error document that the function reported. It is
	// nil if the function sent nothing.
	Payload []byte
	// Error is nil if the function answered.
	Error *FunctionError
	// Logs is what the process wrote to stdout and stderr during the invocation and,
	// if Cold, during its start.
	Logs string
	// Cold: a new process was started. Exited: it died within the invocation.
	Cold, Exited bool
	// Init is the time from the process's start to its first request for an
	// event; zero unless Cold.
	Init time.Duration
	// InitRSS and PeakRSS are the process's peak resident memory in bytes: until it
	// first asked for an event, and until now. They are 0 if unknown.
	InitRSS, PeakRSS int64
	// Duration is the time from the delivery of the event to the end of the invocation.
	Duration time.Duration
}

// requestID returns a random UUID.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
