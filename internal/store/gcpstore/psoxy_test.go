package gcpstore_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	emulator "github.com/tokenkeeper/tokenkeeper/test/secretmanager"
)

const access = "psoxy_JIRA_CLOUD_ACCESS_TOKEN"

// label sets the labels of a secret, as psoxy does.
func (p *place) label(name string, labels map[string]string) {
	p.Helper()
	_, err := p.client.UpdateSecret(p.Context(), &secretmanagerpb.UpdateSecretRequest{
		Secret:     &secretmanagerpb.Secret{Name: "projects/" + emulator.Project + "/secrets/" + name, Labels: labels},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
	require.NoError(p, err)
}

// labelled is a place where psoxy has written its access token once.
func labelled(t *testing.T) *place {
	p := newPlace(t, nil, nil)
	p.put(access, "psoxy's")
	p.label(access, map[string]string{psoxy.VersionLabel: "1", "team": "data"})
	return p
}

func TestTheLabelNamesTheNewestVersion(t *testing.T) {
	t.Run("other labels stay", func(t *testing.T) {
		p := labelled(t)
		require.EqualValues(t, 2, p.put(access, "ours"))
		require.Equal(t, map[string]string{psoxy.VersionLabel: "2", "team": "data"}, p.server.Labels(access))
	})
	t.Run("an etag that is another now, which Google may call aborted", func(t *testing.T) {
		p := labelled(t)
		refusals := 0
		p.server.Before(func(c emulator.Call) error {
			if c.Method != "UpdateSecret" || refusals == 3 { // as often as a call is tried
				return nil
			}
			refusals++
			return status.Error(codes.Aborted, "the etag is another now")
		})
		require.EqualValues(t, 2, p.put(access, "ours"))
		require.Equal(t, "2", p.server.Labels(access)[psoxy.VersionLabel])
	})
	t.Run("no label is made where there is none", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put(access, "one")
		p.put(access, "two")
		require.Empty(t, p.server.Labels(access))
	})
	t.Run("a parameter that psoxy does not read costs no call for it", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put("psoxy_JIRA_CLOUD_TOKEN_LEDGER", "one")
		require.NotContains(t, p.server.Calls(), "GetSecret")
	})
	t.Run("somebody else writes in between", func(t *testing.T) {
		p := labelled(t)
		other := once("AddSecretVersion", codes.OK)
		p.server.Before(func(c emulator.Call) error {
			if c.Method == "AddSecretVersion" && other != nil {
				other = nil
				_, err := p.client.AddSecretVersion(t.Context(), &secretmanagerpb.AddSecretVersionRequest{
					Parent: "projects/" + emulator.Project + "/secrets/" + access, Payload: &secretmanagerpb.SecretPayload{Data: []byte("by hand")}})
				return err
			}
			return nil
		})
		require.EqualValues(t, 3, p.put(access, "ours"))
		require.Equal(t, "3", p.server.Labels(access)[psoxy.VersionLabel])
	})
	t.Run("somebody else changes a label in between", func(t *testing.T) {
		p := labelled(t)
		changed := false
		p.server.Before(func(c emulator.Call) error {
			if c.Method == "UpdateSecret" && !changed {
				changed = true
				p.label(access, map[string]string{psoxy.VersionLabel: "1", "team": "people"})
			}
			return nil
		})
		p.put(access, "ours")
		require.Equal(t, map[string]string{psoxy.VersionLabel: "2", "team": "people"}, p.server.Labels(access))
	})
	t.Run("it cannot be moved: nothing is written", func(t *testing.T) {
		for _, method := range []string{"GetSecret", "UpdateSecret"} {
			p := labelled(t)
			p.server.Deny(method, access)
			_, err := p.Write(t.Context(), access, secret("ours"), store.Encrypted)
			require.ErrorIs(t, err, store.ErrDenied)
			require.Equal(t, "psoxy's", p.get(access).Value.Reveal())
		}
	})
	t.Run("labels are answered with from before a change", func(t *testing.T) {
		p := labelled(t)
		p.server.Freeze()
		require.EqualValues(t, 2, p.put(access, "ours"))
		_, err := p.Write(t.Context(), access, secret("again"), store.Encrypted)
		require.ErrorIs(t, err, store.ErrNotWritten)
		p.server.Thaw()
		require.EqualValues(t, 3, p.put(access, "again"))
		require.Equal(t, "3", p.server.Labels(access)[psoxy.VersionLabel])
	})
}

// Wherever a write is cut off, psoxy reads what is newest.
func TestAWriteThatIsCutOff(t *testing.T) {
	for cut := int64(1); ; cut++ {
		p := labelled(t)
		p.put(access, "before")
		var calls atomic.Int64 // some come side by side
		p.server.Before(func(emulator.Call) error {
			if calls.Add(1) >= cut {
				return status.Error(codes.Unimplemented, "cut off")
			}
			return nil
		})
		_, err := p.Write(t.Context(), access, secret("after"), store.Encrypted)
		p.server.Before(nil)
		require.Equal(t, p.get(access).Value.Reveal(), emulator.ReadAsPsoxy(t, p.client, access), "cut off at call %d", cut)
		if err == nil {
			require.Greater(t, cut, int64(5))
			return
		}
	}
}

func TestPsoxysLock(t *testing.T) {
	const name, at = "psoxy_JIRA_CLOUD_" + psoxy.LockName, "psoxy_JIRA_CLOUD_" + psoxy.LockSecret
	millis := strconv.FormatInt(time.Now().UnixMilli(), 10)
	value := secret("locked_" + millis + " process/1")
	t.Run("taken and released", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put(at, "fill me")
		p.label(at, map[string]string{"team": "data"})
		require.Zero(t, p.get(name))
		require.ErrorIs(t, p.Delete(t.Context(), name), store.ErrNotFound)
		v, err := p.Create(t.Context(), name, value, store.Plain)
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		require.Equal(t, map[string]string{psoxy.LockLabel: millis, "team": "data"}, p.server.Labels(at))
		require.Equal(t, value, p.get(name).Value)
		require.Equal(t, millis, strconv.FormatInt(p.get(name).Modified.UnixMilli(), 10))
		require.NoError(t, p.Delete(t.Context(), name))
		require.Equal(t, map[string]string{"team": "data"}, p.server.Labels(at))
	})
	t.Run("where psoxy never was", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		_, err := p.Create(t.Context(), name, value, store.Plain)
		require.NoError(t, err)
		require.Equal(t, value, p.get(name).Value)
	})
	t.Run("psoxy has it", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put(at, "fill me")
		p.label(at, map[string]string{psoxy.LockLabel: "1639526410000"})
		_, err := p.Create(t.Context(), name, value, store.Plain)
		require.ErrorIs(t, err, store.ErrExists)
		e := p.get(name)
		require.Equal(t, "locked_1639526410000", e.Value.Reveal())
		require.Equal(t, time.UnixMilli(1639526410000).UTC(), e.Modified)
		history, err := p.History(t.Context(), name, 0)
		require.NoError(t, err)
		require.Len(t, history, 1)
	})
	t.Run("psoxy takes it at the same moment", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put(at, "fill me")
		taken := false
		p.server.Before(func(c emulator.Call) error {
			if c.Method == "UpdateSecret" && !taken {
				taken = true
				p.label(at, map[string]string{psoxy.LockLabel: "1639526410000"})
			}
			return nil
		})
		_, err := p.Create(t.Context(), name, value, store.Plain)
		require.ErrorIs(t, err, store.ErrExists)
		require.Equal(t, "locked_1639526410000", p.get(name).Value.Reveal())
	})
	t.Run("the answer is lost", func(t *testing.T) {
		p := newPlace(t, nil, nil)
		p.put(at, "fill me")
		p.server.After(once("UpdateSecret", codes.Unavailable))
		_, err := p.Create(t.Context(), name, value, store.Plain)
		require.NoError(t, err)
		require.Equal(t, value, p.get(name).Value)
	})
}
