// Package bench measures the refresher as a whole process: its size, its start,
// its memory, and what a tick costs. Whatever depends on the machine is measured
// beside two floors, built and started in the same way in the same run, in turns:
// a bare aws-lambda-go handler, and one that makes the SDK's clients. Compare the
// ratios.
//
//	go test -run '^$' -bench . ./bench/
package bench
