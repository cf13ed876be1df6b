// Package scenario simulates a deployed stack through days or a year, and tells
// when the alarms of its template would have paged whom.
//
// # What is real
//
//   - the tick: package refresher with its keeper, on the OAuth client;
//   - Atlassian: the emulator, under virtual time, without a network between;
//   - the alarms, their topics, the schedule, the retries and the function's
//     time-out: read from template.yaml;
//   - the evaluation: package alarm.
//
// # What is simulated
//
// The platform (platform.go): the schedule with its precision of a minute, and the
// retries of a failed asynchronous invocation after one and two minutes. Then the
// dead-letter queue, and the metrics that AWS publishes of these. A scenario
// (scenarios.go) strikes at a given moment, and is mended later. From which moment
// on its cause can be known, and which pages it explains, is worked out without a
// look at the alarms (truth.go).
package scenario
