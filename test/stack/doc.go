// Package stack deploys the whole stack on localstack, an AWS that is not this
// project's own. It goes through the life of a stack: creation, a consent, ticks, a
// page, an update, a change of the key, deletion.
//
// AWS is localstack-core, a process on this machine; `make stack-test` installs
// it, and runs these tests, which no other target does. The functions' uploaded
// binaries run by package lambdaruntime, Atlassian is the emulator, and a web
// server takes the pages.
//
// Every command of README.md and docs/operations.md that deploys, updates, moves or
// removes runs as it stands there, `make deploy` with sam among them: also for a
// second stack in the same account, and for one in a second region.
//
// # What localstack does not do
//
//   - CloudFormation ignores the custom resource (FirstTick), the dashboard and the
//     template's rules. The test of the refresher's binary plays CloudFormation for
//     the first; the tests of the template look at the others.
//   - It makes a new alias for each version of a function and then deletes it, for
//     both have one name. Nothing refers to the alias.
//   - It deletes the stack's key with the stack, for it does not know
//     RetainExceptOnCreate. The tests of the template see to that policy.
//   - The schedule never fires. The test sends what it would send.
//   - Alarms of metric math stay as they are, so pages come from the plain ones.
//     Package internal/proof/paging evaluates all of them.
//   - Permissions and keys' policies are not enforced; see the tests of the template.
package stack
