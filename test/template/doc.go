// Package template tests template.yaml as CloudFormation sees it: after the SAM
// transform, with the intrinsic functions evaluated for a set of parameter
// values. What is compared are therefore the concrete policies, ARNs, names and
// numbers that a deployment would get.
//
// Every check returns what it finds wrong, so that the mutation tests can show that
// it works. A template with a mistyped action, a wildcard or a missing dead-letter
// queue must not pass.
package template
