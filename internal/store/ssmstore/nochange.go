package ssmstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	smithy "github.com/aws/smithy-go"
)

// noChange is a NoChangeNotification policy and where it goes.
type noChange struct {
	names   []string
	policy  string
	refused func(name string, err error)
}

// NotifyUnchanged returns a store whose named parameters raise an event when they
// are not written for the given number of hours, at least 1. In EventBridge its
// source is aws.ssm, its detail-type "Parameter Store Policy Action". Parameter
// Store itself raises the event, so it comes even if the writer is broken.
//
// Every write of such a parameter carries the policy, so a parameter that was
// deleted and created has it again. Parameter Store keeps one policy, the last.
// Policies need the advanced tier, which costs money and which a parameter never
// leaves again.
//
// A value is worth more than its policy: if Parameter Store refuses the policy
// or the tier, the value is written without, and refused is called.
func (s *Store) NotifyUnchanged(hours int, names []string, refused func(name string, err error)) *Store {
	other := *s
	other.noChange = noChange{names: names, refused: refused,
		policy: fmt.Sprintf(`[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"%d","Unit":"Hours"}}]`, hours)}
	return &other
}

// put sends a PutParameter, with the policy if the parameter is to have it.
func (n noChange) put(ctx context.Context, c client, in *ssm.PutParameterInput, w *watch) (*ssm.PutParameterOutput, error) {
	if !slices.Contains(n.names, *in.Name) {
		return c.PutParameter(ctx, in, w.retries)
	}
	with := *in
	with.Policies, with.Tier = &n.policy, types.ParameterTierAdvanced
	out, err := c.PutParameter(ctx, &with, w.retries)
	if !refusesPolicy(err) {
		return out, err
	}
	n.refused(*in.Name, describe(ctx, "PutParameter", *in.Name, 0, err))
	return c.PutParameter(ctx, in, w.retries)
}

// refusesPolicy reports whether a write was refused for what may be the policy
// or the tier. Nothing was written then. A denied access may be one: the
// advanced tier needs kms:GenerateDataKey instead of kms:Encrypt.
func refusesPolicy(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch strings.TrimSuffix(api.ErrorCode(), "Exception") {
	case "IncompatiblePolicy", "InvalidPolicyAttribute", "InvalidPolicyType", "PoliciesLimitExceeded",
		"ParameterLimitExceeded", "Validation", "AccessDenied", "KMSAccessDenied", "InvalidKeyId":
		return true
	}
	return false
}
