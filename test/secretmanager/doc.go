// Package secretmanager is an emulator of Google Cloud Secret Manager at the level
// of gRPC, for the real client library: secrets with labels and etags, versions with
// their states, `latest`, create-only secrets, permissions, and answers from before
// the last changes where Google promises no more.
//
// What it does follows Google's documentation and the errors that users report: an
// etag that does not match is FAILED_PRECONDITION, as is the payload of a version
// that is disabled or destroyed; `latest` is the newest version in whatever state; a
// secret that a caller may not see is PERMISSION_DENIED. It was never compared with
// Google's own servers. It knows no regions, no encryption keys, no expiry, and no
// aliases beside `latest`.
//
// Only tests import this package.
package secretmanager
