package gcpstore_test

import (
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

func TestInspect(t *testing.T) {
	look := func(p *place) gcpstore.Inspection {
		in, err := p.Inspect(t.Context(), "A_REFRESH_TOKEN")
		require.NoError(t, err)
		require.Equal(t, "A_REFRESH_TOKEN", in.ID)
		in.ID = ""
		return in
	}
	t.Run("no secret", func(t *testing.T) {
		require.Equal(t, gcpstore.Inspection{}, look(newPlace(t, nil, nil)))
	})
	t.Run("no version", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		_, err := p.client.CreateSecret(t.Context(), &secretmanagerpb.CreateSecretRequest{Parent: "projects/" + emulator.Project, SecretId: "A_REFRESH_TOKEN",
			Secret: &secretmanagerpb.Secret{Replication: &secretmanagerpb.Replication{Replication: &secretmanagerpb.Replication_Automatic_{Automatic: &secretmanagerpb.Replication_Automatic{}}}}})
		require.NoError(t, err)
		require.Equal(t, gcpstore.Inspection{Made: true}, look(p))
	})
	t.Run("an old version is named, and one is destroyed", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put("A_REFRESH_TOKEN", "1")
		p.put("A_REFRESH_TOKEN", "2")
		p.put("A_REFRESH_TOKEN", "3")
		p.label("A_REFRESH_TOKEN", map[string]string{psoxy.VersionLabel: "2"})
		p.destroy("A_REFRESH_TOKEN", 1)
		require.Equal(t, gcpstore.Inspection{Made: true, Newest: 3, Named: 2, Costing: 2}, look(p))
	})
	t.Run("old versions stay that nobody destroys", func(t *testing.T) {
		start := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
		var halfHours atomic.Int64
		later := func() time.Time { return start.Add(time.Duration(halfHours.Add(1)) * 30 * time.Minute) }
		p := newPlace(t, later, func(c *gcpstore.Config) { c.Keep = func(string) (int, bool) { return 10, false } })
		p.server.Deny("DestroySecretVersion", "")
		for range 35 {
			p.put("A_REFRESH_TOKEN", "token")
		}
		require.Equal(t, gcpstore.Inspection{Made: true, Newest: 35, Costing: 35, Due: 20, MayNot: []string{"secretmanager.versions.destroy"}}, look(p))
		p.server.Allow("DestroySecretVersion", "")
		for range 5 {
			p.put("A_REFRESH_TOKEN", "token")
		}
		require.Zero(t, look(p).Due)
	})
	t.Run("what may not be seen", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put("A_REFRESH_TOKEN", "1")
		p.server.Deny("GetSecret", "A_REFRESH_TOKEN")
		require.Equal(t, gcpstore.Inspection{Made: true, Newest: 1, Costing: 1,
			Lacking: []string{"secretmanager.secrets.get"}, MayNot: []string{"secretmanager.secrets.get"}}, look(p))
		p.server.Deny("ListSecretVersions", "A_REFRESH_TOKEN")
		require.Equal(t, gcpstore.Inspection{Lacking: []string{"secretmanager.secrets.get", "secretmanager.versions.list"}}, look(p))
	})
}

// TestRefusals: where Google says why, so does the error, with what to do.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		reason   string
		metadata map[string]string
		says     string
		project  bool
	}{
		{"SERVICE_DISABLED", map[string]string{"service": "secretmanager.googleapis.com"}, "gcloud services enable secretmanager.googleapis.com", true},
		{"CONSUMER_INVALID", nil, "there is no such project", true},
		{"CONSUMER_SUSPENDED", nil, "the project is suspended", true},
		{"BILLING_DISABLED", nil, "no billing account", true},
		{"ACCESS_TOKEN_SCOPE_INSUFFICIENT", nil, "the scope cloud-platform", true},
		{"USER_PROJECT_DENIED", nil, "set-quota-project", true},
		{"IAM_PERMISSION_DENIED", map[string]string{"permission": "secretmanager.versions.access"}, "the credentials lack secretmanager.versions.access on the secret", false},
		{"IAM_PERMISSION_DENIED", map[string]string{"permission": "canary in what Google says"}, "lacks a permission on it", false},
		{"A_NEW_ONE", map[string]string{"permission": "secretmanager.versions.access"}, "lacks a permission on it", false},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			p := newPlace(t, nil, nil)
			p.server.Before(func(emulator.Call) error {
				refused, err := status.New(codes.PermissionDenied, "canary").WithDetails(&errdetails.ErrorInfo{Reason: tt.reason, Domain: "googleapis.com", Metadata: tt.metadata})
				require.NoError(t, err)
				return refused.Err()
			})
			_, err := p.Read(t.Context(), "A_REFRESH_TOKEN")
			require.ErrorIs(t, err, store.ErrDenied)
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "canary")
			require.Equal(t, tt.project, gcpstore.ProjectRefused(err))
			in, err := p.Inspect(t.Context(), "A_REFRESH_TOKEN")
			if tt.project {
				require.ErrorContains(t, err, tt.says)
			} else {
				require.NoError(t, err)
				require.Len(t, in.Lacking, 2)
			}
		})
	}
}
