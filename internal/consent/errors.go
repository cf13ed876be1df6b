package consent

import "fmt"

// ErrorType says what kind of refusal an Error is. It is the errorType of the
// bootstrap function and does not change.
type ErrorType string

// The types of errors. After the errors marked (waiting), the tokens wait: repeat
// the same CompleteRequest. After those marked (repeat), nothing has happened:
// repeat it too. After all others of Complete, begin a new consent. Whichever it
// is, the family in use is unchanged.
const (
	// InvalidRequest: the request is not of the expected form.
	InvalidRequest ErrorType = "InvalidRequest"
	// UnknownConnection: the connection is not among the configured ones.
	UnknownConnection ErrorType = "UnknownConnection"
	// AppMissing: no client id and secret are stored, and none were given.
	AppMissing ErrorType = "AppMissing"
	// ConsentRefused: the person pressed Cancel.
	ConsentRefused ErrorType = "ConsentRefused"
	// ConsentExpired: no pending consent has this state. It expired, was
	// interrupted, was replaced by a newer one, or never existed; or another
	// request is completing it at this moment.
	ConsentExpired ErrorType = "ConsentExpired"
	// WrongBrowser: a hosted consent came back to another browser than it began in.
	WrongBrowser ErrorType = "WrongBrowser"
	// CodeRefused: Atlassian refused the authorization code, or it is of a second
	// acceptance of a consent whose tokens wait.
	CodeRefused ErrorType = "CodeRefused"
	// AppRefused: Atlassian refused the client id or secret. (repeat) as the code was not
	// looked at.
	AppRefused ErrorType = "AppRefused"
	// AtlassianUnavailable: Atlassian did not answer. (waiting) if only the
	// site or the account could not be read. (repeat) if the code was not looked at.
	AtlassianUnavailable ErrorType = "AtlassianUnavailable"
	// NoRefreshToken: the grant has no refresh token: offline_access is missing.
	NoRefreshToken ErrorType = "NoRefreshToken"
	// NoSite: the account can reach no site with this app, also when asked again.
	NoSite ErrorType = "NoSite"
	// SiteNeeded: the tokens reach several sites, and Site names none. (waiting)
	SiteNeeded ErrorType = "SiteNeeded"
	// SiteUnknown: Site is not among those that the tokens reach. (waiting)
	SiteUnknown ErrorType = "SiteUnknown"
	// SiteChanged: it is another site than before; needs Confirm. (waiting)
	SiteChanged ErrorType = "SiteChanged"
	// AccountChanged: it is another account than before; needs Confirm. (waiting)
	AccountChanged ErrorType = "AccountChanged"
	// ScopesMissing: not all scopes were granted, or some that are in use were not asked
	// for; needs Confirm. (waiting)
	ScopesMissing ErrorType = "ScopesMissing"
	// ConnectionBusy: other processes keep writing, or the invocation had too
	// little time left. (repeat)
	ConnectionBusy ErrorType = "ConnectionBusy"
	// StoreFailed: the parameters could not be read or written. (repeat) before
	// the code was exchanged, (waiting) after it.
	StoreFailed ErrorType = "StoreFailed"
)

// Error is a refused request.
type Error struct {
	Type ErrorType
	// Message says what is wrong and what to do, without secrets.
	Message string
	// Connection whose tokens wait; empty where none do, and in an error that
	// came from the function.
	Connection string
	// Consent tells whose tokens wait, by a digest: no secret. It is empty in an error
	// that came from the function.
	Consent string
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Waits reports whether received tokens wait for the same request to be
// repeated with a decision.
func (t ErrorType) Waits() bool {
	switch t {
	case SiteNeeded, SiteUnknown, SiteChanged, AccountChanged, ScopesMissing:
		return true
	}
	return false
}

func refuse(t ErrorType, format string, args ...any) *Error {
	return &Error{Type: t, Message: fmt.Sprintf(format, args...)}
}
