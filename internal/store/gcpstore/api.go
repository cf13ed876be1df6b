package gcpstore

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// client is what the store uses of *secretmanager.Client.
type client interface {
	AccessSecretVersion(context.Context, *secretmanagerpb.AccessSecretVersionRequest, ...gax.CallOption) (*secretmanagerpb.AccessSecretVersionResponse, error)
	GetSecretVersion(context.Context, *secretmanagerpb.GetSecretVersionRequest, ...gax.CallOption) (*secretmanagerpb.SecretVersion, error)
	ListSecretVersions(context.Context, *secretmanagerpb.ListSecretVersionsRequest, ...gax.CallOption) *secretmanager.SecretVersionIterator
	AddSecretVersion(context.Context, *secretmanagerpb.AddSecretVersionRequest, ...gax.CallOption) (*secretmanagerpb.SecretVersion, error)
	DestroySecretVersion(context.Context, *secretmanagerpb.DestroySecretVersionRequest, ...gax.CallOption) (*secretmanagerpb.SecretVersion, error)
	GetSecret(context.Context, *secretmanagerpb.GetSecretRequest, ...gax.CallOption) (*secretmanagerpb.Secret, error)
	CreateSecret(context.Context, *secretmanagerpb.CreateSecretRequest, ...gax.CallOption) (*secretmanagerpb.Secret, error)
	UpdateSecret(context.Context, *secretmanagerpb.UpdateSecretRequest, ...gax.CallOption) (*secretmanagerpb.Secret, error)
	ListSecrets(context.Context, *secretmanagerpb.ListSecretsRequest, ...gax.CallOption) *secretmanager.SecretIterator
	DeleteSecret(context.Context, *secretmanagerpb.DeleteSecretRequest, ...gax.CallOption) error
	TestIamPermissions(context.Context, *iampb.TestIamPermissionsRequest, ...gax.CallOption) (*iampb.TestIamPermissionsResponse, error)
}

var _ client = (*secretmanager.Client)(nil)

// api makes the calls, by the names of parameters. It remembers nothing.
type api struct {
	client          client
	project, prefix string
}

// secret is the resource name of a parameter's secret.
func (a *api) secret(name string) string {
	return "projects/" + a.project + "/secrets/" + a.prefix + name
}

// version is the resource name of a version, by its number or as "latest".
func (a *api) version(name, which string) string { return a.secret(name) + "/versions/" + which }

// names lists the names of all parameters.
func (a *api) names(ctx context.Context) ([]string, error) {
	return call(ctx, calling{what: "ListSecrets", name: "projects/" + a.project}, func(ctx context.Context, o ...gax.CallOption) (names []string, err error) {
		for found, err := range a.client.ListSecrets(ctx, &secretmanagerpb.ListSecretsRequest{Parent: "projects/" + a.project}, o...).All() {
			if err != nil {
				return nil, err
			}
			_, id, _ := strings.Cut(found.GetName(), "/secrets/")
			if name, ours := strings.CutPrefix(id, a.prefix); ours {
				names = append(names, name)
			}
		}
		return names, nil
	})
}

// create makes a secret without a version.
func (a *api) create(ctx context.Context, name string, labels map[string]string) error {
	_, err := call(ctx, calling{what: "CreateSecret", name: name, changes: true}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.Secret, error) {
		automatic := &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}}}
		return a.client.CreateSecret(ctx, &secretmanagerpb.CreateSecretRequest{Parent: "projects/" + a.project, SecretId: a.prefix + name,
			Secret: &secretmanagerpb.Secret{Replication: automatic, Labels: labels}}, o...)
	})
	return err
}

// get reads a secret's labels and etag.
func (a *api) get(ctx context.Context, name string, at *clock) (*secretmanagerpb.Secret, error) {
	return call(ctx, calling{what: "GetSecret", name: name, clock: at}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.Secret, error) {
		return a.client.GetSecret(ctx, &secretmanagerpb.GetSecretRequest{Name: a.secret(name)}, o...)
	})
}

// permissions are those of the wanted ones that the credentials have on a secret.
func (a *api) permissions(ctx context.Context, name string, wanted []string) ([]string, error) {
	found, err := call(ctx, calling{what: "TestIamPermissions", name: name}, func(ctx context.Context, o ...gax.CallOption) (*iampb.TestIamPermissionsResponse, error) {
		return a.client.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: a.secret(name), Permissions: wanted}, o...)
	})
	return found.GetPermissions(), err
}

// changes is how often a change of labels is tried while others change them too.
const changes = 5

// errAsItIs: the labels are as they should be.
var errAsItIs = fmt.Errorf("nothing to change")

// relabel changes the labels of a secret under its etag, so that nobody else's
// change is lost. change is called again after another's change; its error ends
// it. name is the parameter's, for errors.
func (a *api) relabel(ctx context.Context, name, secret string, change func(labels map[string]string) error) error {
	for range changes {
		found, err := a.get(ctx, secret, nil)
		if err != nil {
			return err
		}
		labels := maps.Clone(found.GetLabels())
		if labels == nil {
			labels = map[string]string{}
		}
		if err := change(labels); err != nil {
			if err == errAsItIs {
				return nil
			}
			return err
		}
		_, err = call(ctx, calling{what: "UpdateSecret", name: name, changes: true}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.Secret, error) {
			return a.client.UpdateSecret(ctx, &secretmanagerpb.UpdateSecretRequest{
				Secret:     &secretmanagerpb.Secret{Name: found.GetName(), Labels: labels, Etag: found.GetEtag()},
				UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}}, o...)
		})
		if code := codeOf(err); code != codes.FailedPrecondition && code != codes.Aborted { // the etag is another now
			return err
		}
	}
	return fmt.Errorf("%s: its labels kept changing, or are answered with from before a change: %w", name, store.ErrNotWritten)
}

// delete deletes a secret. That the attempt whose answer was lost has deleted it is
// no error.
func (a *api) delete(ctx context.Context, name string) error {
	attempts := 0
	_, err := call(ctx, calling{what: "DeleteSecret", name: name, changes: true}, func(ctx context.Context, o ...gax.CallOption) (struct{}, error) {
		attempts++
		return struct{}{}, a.client.DeleteSecret(ctx, &secretmanagerpb.DeleteSecretRequest{Name: a.secret(name)}, o...)
	})
	if attempts > 1 && codeOf(err) == codes.NotFound {
		return nil
	}
	return err
}
