package secretmanager

import (
	"testing"

	"cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ReadAsPsoxy reads a secret by psoxy's rules (release 0.6.9, read in its source).
// It reads the version that the label latest-version names. It reads the latest if
// there is no label, if the secret may not be looked at, or if that version does
// not exist. Anything else counts as absent, which is an empty value.
func ReadAsPsoxy(t testing.TB, c *secretmanager.Client, id string) string {
	t.Helper()
	ctx, name := t.Context(), "projects/"+Project+"/secrets/"+id
	which := "latest"
	if secret, err := c.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: name}); err == nil {
		if label := secret.GetLabels()["latest-version"]; label != "" {
			which = label
		}
	}
	access := func(which string) (string, error) {
		found, err := c.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: name + "/versions/" + which})
		return string(found.GetPayload().GetData()), err
	}
	value, err := access(which)
	if status.Code(err) == codes.NotFound && which != "latest" {
		value, err = access("latest")
	}
	if err != nil {
		return ""
	}
	return value
}
