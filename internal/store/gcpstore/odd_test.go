package gcpstore_test

import (
	"bytes"
	"context"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

// odd is Google's client on a bad day.
type odd struct {
	*secretmanager.Client
	// damage changes a payload on its way here; nameless takes the version from the
	// answer to an addition.
	damage, nameless bool
	// added is the last payload that was sent.
	added *secretmanagerpb.SecretPayload
}

// AccessSecretVersion may damage what it hands out.
func (o *odd) AccessSecretVersion(ctx context.Context, r *secretmanagerpb.AccessSecretVersionRequest, options ...gax.CallOption) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	answer, err := o.Client.AccessSecretVersion(ctx, r, options...)
	if err == nil && o.damage {
		answer.Payload.Data = bytes.ToUpper(answer.Payload.Data)
	}
	return answer, err
}

// AddSecretVersion may answer without the version.
func (o *odd) AddSecretVersion(ctx context.Context, r *secretmanagerpb.AddSecretVersionRequest, options ...gax.CallOption) (*secretmanagerpb.SecretVersion, error) {
	o.added = r.GetPayload()
	answer, err := o.Client.AddSecretVersion(ctx, r, options...)
	if err == nil && o.nameless {
		answer.Name = ""
	}
	return answer, err
}

func TestAnswersThatAreNotToBeBelieved(t *testing.T) {
	_, client := open(t, nil)
	o := &odd{Client: client}
	s := gcpstore.New(o, gcpstore.Config{Project: emulator.Project})
	_, err := s.Write(t.Context(), "A_REFRESH_TOKEN", secret("canary"), store.Encrypted)
	require.NoError(t, err)
	require.NotNil(t, o.added.DataCrc32C, "so that Google refuses what was damaged on its way there")

	o.damage = true
	_, err = s.Read(t.Context(), "A_REFRESH_TOKEN")
	require.ErrorContains(t, err, "arrived damaged")
	require.NotContains(t, err.Error(), "CANARY")
	o.damage, o.nameless = false, true
	_, err = s.Write(t.Context(), "A_REFRESH_TOKEN", secret("successor"), store.Encrypted)
	require.ErrorContains(t, err, "the write may have taken effect")
	require.NotErrorIs(t, err, store.ErrNotWritten)
}

// TestAnotherIsFirst: who makes a secret need not add its first version.
func TestAnotherIsFirst(t *testing.T) {
	p := newPlace(t, nil, nil)
	p.server.After(func(c emulator.Call) error {
		if c.Method == "CreateSecret" {
			_, err := p.client.AddSecretVersion(t.Context(), &secretmanagerpb.AddSecretVersionRequest{Parent: "projects/" + emulator.Project + "/secrets/" + c.Secret,
				Payload: &secretmanagerpb.SecretPayload{Data: []byte("another's")}})
			return err
		}
		return nil
	})
	_, err := p.Create(t.Context(), "A_TOKEN_LEDGER", secret("ours"), store.Encrypted)
	require.ErrorContains(t, err, "another writer was first")
}

// TestTheLabelNeverGoesBack: somebody let it name a version that is to come.
func TestTheLabelNeverGoesBack(t *testing.T) {
	p := labelled(t)
	p.label(access, map[string]string{psoxy.VersionLabel: "9"})
	require.EqualValues(t, 2, p.put(access, "ours"))
	require.Equal(t, "9", p.server.Labels(access)[psoxy.VersionLabel])
}
