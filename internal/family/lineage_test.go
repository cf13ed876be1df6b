package family_test

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func lineage(p params, format family.AccessFormat) family.Record {
	policy := family.DefaultPolicy()
	policy.AccessFormat = format
	return family.NewSnapshot(conn, p).Lineage(now, policy)
}

func TestLineage(t *testing.T) {
	stored := now.Add(-3 * time.Minute)
	t.Run("hand-filled parameters begin a family when they were stored", func(t *testing.T) {
		p := healthy()
		delete(p, names.Family)
		r := lineage(p, family.Raw)
		require.Equal(t, p[names.RefreshToken].Modified, r.AuthorizedAt)
		require.Equal(t, family.FromAdoption, r.AuthorizedAtSource)
		require.Zero(t, r.Generation)
		require.Zero(t, r.AccessExpiresAt)
	})
	t.Run("a store whose clock is ahead does not lengthen a family", func(t *testing.T) {
		p := healthy()
		delete(p, names.Family)
		p.set(names.RefreshToken, "refresh-7", now.Add(time.Hour))
		require.Equal(t, now, lineage(p, family.Raw).AuthorizedAt)
	})
	t.Run("a token put there by a person begins a new family", func(t *testing.T) {
		p := healthy()
		p.set(names.RefreshToken, "unknown", stored)
		r := lineage(p, family.Raw)
		require.Equal(t, stored, r.AuthorizedAt)
		require.Zero(t, r.Generation)
	})
	t.Run("psoxy's rotation does not restart the countdown", func(t *testing.T) {
		p := healthy()
		p.set(names.RefreshToken, "unknown", stored)
		p.set(names.AccessToken, `{"token":"access-8","expirationDate":1795500000000}`, stored)
		r := lineage(p, family.PsoxyJSON)
		require.Equal(t, record().AuthorizedAt, r.AuthorizedAt)
		require.Equal(t, 8, r.Generation)
		require.Contains(t, r.Previous, fp("refresh-7"))
		require.Equal(t, time.UnixMilli(1795500000000).UTC(), r.AccessExpiresAt)
	})
	t.Run("after a refusal an unknown token is a new consent in every mode", func(t *testing.T) {
		p := healthy()
		r := record().Fail(family.Failure{Class: "permanent", Token: fp("refresh-7"), At: now})
		p.record(r)
		p.set(names.RefreshToken, "unknown", stored)
		require.Equal(t, stored, lineage(p, family.PsoxyJSON).AuthorizedAt)
	})
	t.Run("our own rotation that died before the record was saved", func(t *testing.T) {
		p := healthy()
		p.set(names.RefreshToken, "refresh-8", stored)
		p.lock(stored, family.Intent{Owner: "other/1", Spending: fp("refresh-7"), FirstSpend: stored})
		r := lineage(p, family.Raw)
		require.Equal(t, record().AuthorizedAt, r.AuthorizedAt)
		require.Equal(t, 8, r.Generation)
		require.Zero(t, r.AccessExpiresAt, "what ACCESS_TOKEN holds is not known")
	})
	t.Run("the chain claim decides where there is one", func(t *testing.T) {
		p := healthy()
		r := record()
		r.Chain = fp("chain-1")
		p.record(r)
		p.set(names.RefreshToken, chained("chain-1"), stored)
		require.Equal(t, record().AuthorizedAt, lineage(p, family.Raw).AuthorizedAt)
		p.set(names.RefreshToken, chained("chain-2"), stored)
		require.Equal(t, stored, lineage(p, family.PsoxyJSON).AuthorizedAt)
	})
}

func chained(id string) string {
	b := base64.RawURLEncoding.EncodeToString
	return b([]byte(`{"alg":"RS256"}`)) + "." + b([]byte(`{"https://id.atlassian.com/refresh_chain_id":"`+id+`"}`)) + "." + b([]byte("signature"))
}

func TestOutranks(t *testing.T) {
	ours := record().Succeed(family.Pair{Refresh: secret("refresh-8"), Access: secret("access-8"), SpentAt: now})
	consent := record()
	consent.AuthorizedAt, consent.Refresh, consent.RotatedAt = now, fp("theirs"), time.Time{}
	older := consent
	older.AuthorizedAt = now.Add(-1000 * time.Hour)
	sibling := ours
	sibling.Refresh = fp("theirs")

	require.False(t, family.Outranks(family.Field{Value: secret("refresh-8"), Modified: now}, nil, ours, now), "our own write, repeated")
	require.False(t, family.Outranks(family.Field{Value: secret("refresh-7"), Modified: now}, nil, ours, now), "what we spent, saved again")
	require.False(t, family.Outranks(family.Field{Value: secret("refresh-6"), Modified: now}, nil, ours, now), "an older generation")
	require.True(t, family.Outranks(family.Field{Value: secret("theirs"), Modified: now}, nil, ours, now), "nothing is known about it")
	require.True(t, family.Outranks(family.Field{Value: secret("theirs"), Modified: now}, &ours, ours, now), "the record does not speak of it")
	require.True(t, family.Outranks(family.Field{Value: secret("theirs"), Modified: now}, &consent, ours, now), "a newer consent")
	require.False(t, family.Outranks(family.Field{Value: secret("theirs"), Modified: now}, &older, ours, now), "an older consent")
	chain := ours
	chain.Chain = fp("chain-1")
	require.False(t, family.Outranks(family.Field{Value: secret(chained("chain-1")), Modified: now}, nil, chain, now), "an unknown sibling of ours")
	require.True(t, family.Outranks(family.Field{Value: secret(chained("chain-2")), Modified: now}, nil, chain, now), "an unknown token of another consent")
	sibling.RotatedAt = ours.RotatedAt.Add(time.Hour)
	require.False(t, family.Outranks(family.Field{Value: secret("theirs"), Modified: now.Add(-nano)}, &sibling, ours, now),
		"it was written before we took the lock, whatever a clock says")
	for _, c := range []struct {
		after time.Duration
		want  bool
	}{{-time.Millisecond, false}, {0, false}, {time.Millisecond, true}} {
		sibling.RotatedAt = ours.RotatedAt.Add(c.after)
		require.Equal(t, c.want, family.Outranks(family.Field{Value: secret("theirs"), Modified: now}, &sibling, ours, now), c.after)
	}
}

func secret(s string) atlassian.Secret { return atlassian.NewSecret(s) }
