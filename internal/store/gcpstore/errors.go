package gcpstore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// failure is a call that failed. It holds nothing of the API's own message, which
// could quote what was sent.
type failure struct {
	code codes.Code
	// reason is Google's of a refusal, such as SERVICE_DISABLED, or empty.
	reason string
	// class is an error of package store, or nil where it is open what happened.
	class error
	text  string
}

// Error implements error.
func (f *failure) Error() string { return f.text }

// Unwrap returns the error of package store, if it is one.
func (f *failure) Unwrap() error { return f.class }

// codeOf is the code of a failed call. It is OK for nil, and Unknown for an error
// of another type.
func codeOf(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	var f *failure
	if errors.As(err, &f) {
		return f.code
	}
	return codes.Unknown
}

// meaning is what a code says: an error of package store, and what to do about it.
type meaning struct {
	class  error
	advice string
}

// meanings are those of the codes after which nothing was written.
var meanings = map[codes.Code]meaning{
	codes.NotFound:      {store.ErrNotFound, ""},
	codes.AlreadyExists: {store.ErrExists, ""},
	codes.PermissionDenied: {store.ErrDenied, "the secret does not exist, or the service account lacks a permission on it: " +
		"Google does not tell which. A permission that was just granted may take minutes"},
	codes.Unauthenticated:    {store.ErrDenied, "Google does not accept the credentials: renew them"},
	codes.FailedPrecondition: {store.ErrDenied, "the secret's own encryption key cannot be used, or the secret has expired"},
	codes.InvalidArgument:    {store.ErrUnwritable, "Secret Manager calls the request invalid: check the project, the prefix and the connection's name"},
	codes.ResourceExhausted:  {store.ErrNotWritten, "the project's quota for Secret Manager is used up"},
	codes.Aborted:            {store.ErrNotWritten, "Secret Manager was busy with another change of this secret"},
}

// projectReasons are refusals of a whole project, with what to do about them
// (https://docs.cloud.google.com/apis/design/errors, google.api.ErrorReason).
var projectReasons = map[string]string{
	"SERVICE_DISABLED":                "the Secret Manager API is not enabled there: run gcloud services enable secretmanager.googleapis.com --project PROJECT",
	"CONSUMER_INVALID":                "there is no such project, or it is deleted: see gcloud projects list",
	"CONSUMER_SUSPENDED":              "the project is suspended: ask its owner",
	"BILLING_DISABLED":                "the project has no billing account, which Secret Manager needs: have one linked",
	"ACCESS_TOKEN_SCOPE_INSUFFICIENT": "the credentials are not for all of Google Cloud: give the machine or the login the scope cloud-platform",
	"USER_PROJECT_DENIED":             "the credentials may not use their quota project: run gcloud auth application-default set-quota-project PROJECT",
}

// ProjectRefused tells whether an error says that nothing in the project can be
// used, for a reason that the error names with what to do.
func ProjectRefused(err error) bool {
	var f *failure
	return errors.As(err, &f) && projectReasons[f.reason] != ""
}

// permissions are those that a call may lack.
var permissions = []string{
	"secretmanager.secrets.get", "secretmanager.secrets.update", "secretmanager.secrets.create", "secretmanager.secrets.delete", "secretmanager.secrets.list",
	"secretmanager.versions.access", "secretmanager.versions.get", "secretmanager.versions.list", "secretmanager.versions.add", "secretmanager.versions.destroy",
}

// refusal is what Google gives as the reason of a refusal, and as the permission that
// is missing; both may be empty. Nothing else of its answer is looked at.
func refusal(err error) (reason, missing string) {
	answer, ok := apierror.FromError(err)
	if !ok {
		return "", ""
	}
	reason = answer.Reason()
	if missing = answer.Metadata()["permission"]; reason != "IAM_PERMISSION_DENIED" || !slices.Contains(permissions, missing) {
		missing = ""
	}
	return reason, missing
}

// failed describes the last attempt of a call. lost: an attempt may have taken effect.
func failed(c calling, err error, lost bool) error {
	code := status.Code(err)
	f := &failure{code: code}
	m := meanings[code]
	reason, missing := refusal(err)
	f.reason = reason
	switch advice := projectReasons[reason]; {
	case advice != "":
		m.advice = advice
	case missing != "":
		m.advice = "the credentials lack " + missing + " on the secret, or it does not exist; a permission that was just granted may take minutes"
	}
	if !lost || code == codes.AlreadyExists || code == codes.NotFound {
		f.class = m.class
	}
	switch {
	case code == codes.DeadlineExceeded:
		f.text = fmt.Sprintf("%s: %s: no answer within %s per attempt", c.name, c.what, attemptTimeout)
	case m.class == nil:
		f.text = fmt.Sprintf("%s: %s: Secret Manager refused or failed: %s", c.name, c.what, code)
	case m.advice == "":
		f.text = fmt.Sprintf("%s: %v (%s: %s)", c.name, m.class, c.what, code)
	default:
		f.text = fmt.Sprintf("%s: %v: %s (%s: %s)", c.name, m.class, m.advice, c.what, code)
	}
	if lost {
		f.text += "; an attempt had no answer and may have taken effect"
	}
	return f
}
