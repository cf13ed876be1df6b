// Package lambdaruntime runs a Lambda function's real binary in tests. It acts as the
// Lambda service for a custom runtime (provided.al2023). So the deployed file itself
// is started, gets events, is killed and restarted.
//
// # What it does like Lambda
//
// The first invocation starts the process, which then stays warm. The process asks
// the runtime API at AWS_LAMBDA_RUNTIME_API for the next event; see
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Its environment is
// exactly what Lambda sets plus [Config].Env, without the test's own environment.
//
// A process that has not finished at its deadline is killed, and the invocation fails
// with a time-out. If a process dies, the next invocation starts a new one. An
// invocation ends when the process asks for the next event, not when it answers. So a
// process that answers and then dies still dies within the invocation.
//
// # What it does not do
//
// It does not freeze the process between invocations. It does not limit memory or
// CPU. It has no extension API. It does not retry a failed invocation: the test does.
// Invocations of one [Runtime] run one after the other, as with a reserved
// concurrency of 1. Two Runtimes are two execution environments.
package lambdaruntime
