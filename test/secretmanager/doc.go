// Package secretmanager is an emulator of Google Cloud Secret Manager at the level
// of gRPC, for the real client library. It has secrets with labels and etags,
// versions with their states, `latest`, create-only secrets and permissions. Its
// answers can be older than the last changes where Google promises no more.
//
// It follows Google's documentation and the errors that users report. An etag that
// does not match is FAILED_PRECONDITION, and so is the payload of a disabled or
// destroyed version. `latest` is the newest version, in any state. A secret that a
// caller may not see is PERMISSION_DENIED. It was never compared with Google's own
// servers. It knows no regions, no encryption keys, and no aliases beside `latest`,
// and shows an expiry or a delayed destruction without acting upon it.
//
// Only tests import this package.
package secretmanager
