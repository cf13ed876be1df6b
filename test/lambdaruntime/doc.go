// Package lambdaruntime runs a Lambda function's real binary in tests: it plays
// the part of the Lambda service towards a custom runtime (provided.al2023), so
// that the very file that is deployed is started, fed with events, killed and
// restarted.
//
// # What it does like Lambda
//
// The process is started at the first invocation and kept warm. It finds the
// runtime API at AWS_LAMBDA_RUNTIME_API and asks it for the next event; see
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Its
// environment is exactly what Lambda sets plus [Config].Env: nothing of the
// test's own environment gets in. A process that has not finished at its
// deadline is killed and the invocation fails as timed out. A process that
// dies, whenever that is, is noticed, and the next invocation starts a new one.
// An invocation is over when the process asks for the next event, not when it
// answers: a process that answers and then dies does so within the invocation.
//
// # What it does not
//
// There is no freezing between invocations, no limit on memory or CPU, no
// extension API and no retry of a failed invocation: a test invokes again.
// Invocations of one [Runtime] follow each other, as with a reserved
// concurrency of 1; two Runtimes are two execution environments.
package lambdaruntime
