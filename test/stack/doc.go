// Package stack deploys the whole stack on localstack, an AWS that is not this
// project's own. It goes through the life of a stack: creation, a consent, ticks, a
// page, an update, a change of the key, deletion.
//
// AWS is localstack-core, a process on this machine; `make stack-test` installs
// it, and runs these tests, which no other target does. The functions' uploaded
// binaries run by package lambdaruntime, Atlassian is the emulator, and a web
// server takes the pages.
//
// # What localstack does not do
//
//   - CloudFormation ignores the custom resource (FirstTick) and the dashboard, and
//     cannot update alarms and aliases. The test of the refresher's binary plays
//     CloudFormation for the first; the tests of the template look at the others. The
//     alias, which nothing refers to, is left out.
//   - It deletes the stack's key with the stack, for it does not know
//     RetainExceptOnCreate. The tests of the template see to that policy.
//   - The schedule never fires. The test sends what it would send.
//   - Alarms of metric math stay as they are, so pages come from the plain ones.
//     Package internal/alarm evaluates all of them.
//   - Permissions and keys' policies are not enforced; see the tests of the template.
package stack
