package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrint(t *testing.T) {
	const printed = `?   	github.com/tokenkeeper/tokenkeeper/functions	[no test files]
goos: linux
goarch: amd64
pkg: github.com/tokenkeeper/tokenkeeper/bench
cpu: AMD EPYC
BenchmarkTick/after_a_rotation-2         	      20	         6.000 AWS-calls/op	        15.11 ms/op
BenchmarkRead6-2   	  500000	      2345 ns/op	     512 B/op	       7 allocs/op
--- BENCH: BenchmarkProcess-2
    process_test.go:66: 
           process   MB
        refresher  9.9
--- FAIL: BenchmarkWrong
PASS
ok  	github.com/tokenkeeper/tokenkeeper/bench	19.215s
`
	var out bytes.Buffer
	require.NoError(t, print(strings.NewReader(printed), &out))
	require.Equal(t, `package  benchmark              runs    results
bench    Tick/after_a_rotation  20      6.000 AWS-calls/op, 15.11 ms/op
bench    Read6                  500000  2.345µs each, 512 B/op, 7 allocs/op
    process_test.go:66: 
           process   MB
        refresher  9.9
--- FAIL: BenchmarkWrong
`, out.String())
}
