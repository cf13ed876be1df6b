// Package bench measures the refresher as a whole process: its size, its start, its
// memory, and what a tick costs. What depends on the machine is measured beside
// floors: a bare aws-lambda-go handler, one that makes the SDK's clients as the SDK
// proposes, and one that makes them by hand. They are built and started in the same
// way, in turns with the function. Compare the ratios.
//
//	go test -run '^$' -bench . ./bench/
package bench
