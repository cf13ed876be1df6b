// Package cloudformation evaluates a CloudFormation template for a set of
// parameter values, without AWS: what comes out are the concrete names, numbers
// and ARNs that a deployment would get.
//
// It knows the intrinsic functions, pseudo parameters and attributes that
// template.yaml uses, and fails on any other. It applies no SAM transform:
// resources of AWS's own types, such as alarms, pass through that unchanged and
// can be read from template.yaml itself; for the rest give [Parse] the
// transformed template, as the tests of the template do.
package cloudformation
