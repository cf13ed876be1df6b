package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheHeapStaysBelowTheFunctionsMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for size, want := range map[string]int64{"": before, "none": before, "0": before, "-1": before, "128": 96 << 20, "10240": 7680 << 20} {
		debug.SetMemoryLimit(before)
		limitMemory(func(name string) string { return map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": size}[name] })
		require.Equal(t, want, debug.SetMemoryLimit(-1), size)
	}
}
