package ssmstore

import (
	"fmt"
	"strings"
	"sync"

	smithy "github.com/aws/smithy-go"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

var (
	// errKey: the key cannot be used.
	errKey = denied("check that the key exists in this region, is enabled, and that its policy and this role allow kms:Decrypt, kms:Encrypt and kms:GenerateDataKey")
	// errRole: the role may not do this.
	errRole = denied("check this role's policy and the key's")
	// errCredentials: AWS does not accept the caller's credentials.
	errCredentials = denied("AWS does not accept the credentials: renew them")

	// errOtherKind: the parameter exists with another type. Write then tries the
	// other one of the two types that it knows.
	errOtherKind = unwritable("it has another type than SecureString or String, and Parameter Store cannot change that; save its value, delete it, and put it again as a SecureString")
	// errLabelled: see labelled.
	errLabelled = unwritable("its oldest version has a label, and therefore cannot make room for a new version")

	// errBusy: Parameter Store's word for two changes of one parameter at once,
	// or in quick succession.
	errBusy = notWritten("Parameter Store was busy with another change of this parameter")
	// errThrottled: too many calls in this account and region.
	errThrottled = notWritten("Parameter Store is throttling the calls of this account")
)

func denied(advice string) error     { return fmt.Errorf("%w: %s", store.ErrDenied, advice) }
func unwritable(reason string) error { return fmt.Errorf("%w: %s", store.ErrUnwritable, reason) }
func notWritten(reason string) error { return fmt.Errorf("%s: %w", reason, store.ErrNotWritten) }

// classes maps the API's error codes, with any trailing "Exception" removed. In
// every one of these cases nothing was written. Parameter Store hands some of
// KMS's errors through under their own names. It is made when the first error is
// judged: the function starts sooner.
var classes = sync.OnceValue(func() map[string]error {
	return map[string]error{
		"ParameterNotFound":      store.ErrNotFound,
		"ParameterAlreadyExists": store.ErrExists,
		"TooManyUpdates":         errBusy,

		"HierarchyTypeMismatch":            errOtherKind,
		"ParameterMaxVersionLimitExceeded": errLabelled,
		"UnsupportedParameterType":         unwritable("Parameter Store does not support its type; save its value, delete it, and put it again as a SecureString"),
		"ParameterPatternMismatch":         unwritable("the name is not allowed, or the value does not match the AllowedPattern that somebody gave the parameter; remove the pattern"),
		"ParameterLimitExceeded":           unwritable("this account has as many parameters as AWS allows it in this region; delete some, or ask AWS for more"),
		"PoliciesLimitExceeded":            unwritable("it has more parameter policies than AWS allows; remove some"),
		"IncompatiblePolicy":               unwritable("its parameter policies contradict each other; remove them"),
		"HierarchyLevelLimitExceeded":      unwritable("its name has more than 15 levels; choose a shorter one"),

		"AccessDenied":     errRole,
		"KMSAccessDenied":  errKey,
		"InvalidKeyId":     errKey,
		"KMSInvalidState":  errKey,
		"KMSInvalidKey":    errKey,
		"KMSNotFound":      errKey,
		"KMSDisabled":      errKey,
		"Disabled":         errKey,
		"KMSOptInRequired": errKey,

		"UnrecognizedClient":    errCredentials,
		"InvalidClientTokenId":  errCredentials,
		"InvalidSignature":      errCredentials,
		"IncompleteSignature":   errCredentials,
		"ExpiredToken":          errCredentials,
		"MissingAuthentication": errCredentials,
	}
})

// classOf returns what an answer of the API means, or nil if it is ambiguous.
func classOf(api smithy.APIError) error {
	if class := classes()[strings.TrimSuffix(api.ErrorCode(), "Exception")]; class != nil {
		return class
	}
	if throttled(api) {
		return errThrottled
	}
	return nil
}

// oldestVersion finds the number before ", the oldest version" in Parameter
// Store's message about a label (API reference, ParameterMaxVersionLimitExceeded);
// empty if it is not there. Nothing else of the message is shown.
func oldestVersion(message string) string {
	const versionWord = "Version "
	for {
		before, after, found := strings.Cut(message, ", the oldest version")
		if !found {
			return ""
		}
		if i := strings.LastIndex(before, versionWord); i >= 0 {
			if n := before[i+len(versionWord):]; n != "" && len(n) <= 18 && strings.Trim(n, "0123456789") == "" {
				return n
			}
		}
		message = after
	}
}

// labelled says how to remove the label that makes a parameter unwritable, or
// nothing if that is not the error.
func labelled(name string, api smithy.APIError) string {
	if classOf(api) != errLabelled {
		return ""
	}
	version := oldestVersion(api.ErrorMessage())
	if version == "" {
		version = "VERSION"
	}
	return fmt.Sprintf("; the event LabelParameterVersion in CloudTrail says who labelled it."+
		" List the labels: aws ssm get-parameter-history --name %s --query 'Parameters[].[Version,Labels]'."+
		" Remove them: aws ssm unlabel-parameter-version --name %s --parameter-version %s --labels LABEL", name, name, version)
}
