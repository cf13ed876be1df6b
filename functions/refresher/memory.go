package main

import (
	"runtime/debug"
	"strconv"
)

// memorySize names the variable in which Lambda tells the function's memory, in MiB.
const memorySize = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"

// limitMemory makes the garbage collector work harder when three quarters of the function's memory
// are in use. Go lets the heap grow to twice what lives, and Lambda kills the process that
// exceeds its memory: perhaps in the middle of rotations. A thousand connections keep some 40 MB.
func limitMemory(getenv func(string) string) {
	if size, err := strconv.ParseInt(getenv(memorySize), 10, 32); err == nil && size > 0 {
		debug.SetMemoryLimit(size << 20 / 4 * 3)
	}
}
