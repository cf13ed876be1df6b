// Package cloudformation evaluates a CloudFormation template for a set of
// parameter values, without AWS. The result has the names, numbers and ARNs that a
// deployment would get.
//
// It knows the intrinsic functions, pseudo parameters and attributes that
// template.yaml uses, and fails on any other. Of SAM it knows the Globals, and
// applies no transform. That leaves resources of AWS's own types, such as alarms,
// unchanged, so they can be read from template.yaml itself. For the rest give [Parse] the transformed
// template, as the tests of the template do.
package cloudformation
