// Package alarm evaluates CloudWatch alarms as CloudWatch documents it, with
// time as an argument: for simulations and tests, where no CloudWatch is.
//
// # What it follows
//
// The Amazon CloudWatch User Guide (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/):
//
//   - alarm-evaluation.html: M out of N; an alarm with a period of a minute or
//     more is evaluated once a minute, over periods that end at that minute:
//     "at the end of minute 6, the alarm is evaluated based on the data from
//     minutes 2 to 6".
//   - alarms-and-missing-data.html: more data points are retrieved than are
//     evaluated; what is missing is filled in only where these do not suffice.
//     state.go; AWS's tables of examples are its tests.
//   - using-metric-math.html: expressions; expression.go.
//   - alarm-actions.html: actions are run when the state changes, never again
//     while it lasts.
//
// # What is not documented
//
// How many more data points are retrieved than are evaluated: "depends on the
// length of the alarm period". All published examples retrieve two more, and so
// does an Evaluator by default; LookBack changes it, so that a test can show
// what depends on it.
//
// # Google Cloud
//
// A Policy is an alert policy of Cloud Monitoring. It is evaluated over the same
// samples, and its incidents are an alarm's changes of state.
package alarm
