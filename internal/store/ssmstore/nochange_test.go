package ssmstore_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

const policy = `[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"6","Unit":"Hours"}}]`

func unexpected(t *testing.T) func(string, error) {
	return func(name string, err error) { t.Errorf("%s: refused: %v", name, err) }
}

// Every write of the named parameter carries the policy and the tier it needs;
// other parameters have neither.
func TestNoChangeNotification(t *testing.T) {
	b, plain := newBetween(t)
	token, other := b.name("REFRESH_TOKEN"), b.name("ACCESS_TOKEN")
	s := plain.NotifyUnchanged(6, []string{token}, unexpected(t))
	b.then()
	for _, name := range []string{token, other, token} {
		_, err := put(s, t, name)
		require.NoError(t, err)
	}
	for i, want := range []struct {
		policies any
		tier     string
	}{{policy, "Advanced"}, {nil, "Intelligent-Tiering"}, {policy, "Advanced"}} {
		require.Equal(t, want.policies, b.seen()[i].input["Policies"])
		require.Equal(t, want.tier, b.seen()[i].input["Tier"])
	}

	client := ssmstore.NewClient(moto.Start(t).AWSConfig())
	out, err := client.DescribeParameters(t.Context(), &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{
		{Key: aws.String("Name"), Option: aws.String("Equals"), Values: []string{token}}}})
	require.NoError(t, err)
	require.Len(t, out.Parameters, 1)
	require.Equal(t, types.ParameterTierAdvanced, out.Parameters[0].Tier)
	require.Len(t, out.Parameters[0].Policies, 1, "the second write did not add another")
}

// A received token is saved even if its policy cannot be set.
func TestARefusedPolicyCostsNoToken(t *testing.T) {
	b, plain := newBetween(t)
	for _, code := range []string{
		"IncompatiblePolicyException", "InvalidPolicyAttributeException", "InvalidPolicyTypeException", "PoliciesLimitExceededException",
		"ParameterLimitExceeded", "ValidationException", "AccessDeniedException", "KMSAccessDeniedException", "InvalidKeyId",
	} {
		name := b.name(code)
		var refused []string
		s := plain.NotifyUnchanged(6, []string{name}, func(name string, err error) {
			refused = append(refused, name)
			requireNoCanary(t, err)
			require.ErrorContains(t, err, code)
		})
		b.then(answer(400, code))
		version, err := put(s, t, name)
		require.NoError(t, err, code)
		require.EqualValues(t, 1, version)
		require.Equal(t, []string{name}, refused)
		require.NotContains(t, b.seen()[1].input, "Policies")
		found, err := plain.Read(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, atlassian.NewSecret(canary), found[name].Value)
	}
}

// What the policy cannot be blamed for is reported as ever, after one call.
func TestOtherRefusalsAreNotRepeated(t *testing.T) {
	b, plain := newBetween(t)
	name := b.name("TOKEN")
	s := plain.NotifyUnchanged(6, []string{name}, unexpected(t))
	b.then(answer(400, "ParameterMaxVersionLimitExceeded"))
	_, err := put(s, t, name)
	require.ErrorContains(t, err, "ParameterMaxVersionLimitExceeded")
	require.Len(t, b.seen(), 1)

	b.then(answer(400, "ParameterAlreadyExists"))
	_, err = s.Create(t.Context(), name, atlassian.NewSecret(canary), store.Encrypted)
	require.ErrorIs(t, err, store.ErrExists)
	require.Len(t, b.seen(), 1)
}

// Denied without the policy too, a write is denied.
func TestADeniedWriteStaysDenied(t *testing.T) {
	b, plain := newBetween(t)
	name := b.name("TOKEN")
	s := plain.NotifyUnchanged(6, []string{name}, func(string, error) {})
	b.then(answer(400, "AccessDeniedException"), answer(400, "AccessDeniedException"))
	_, err := put(s, t, name)
	require.ErrorIs(t, err, store.ErrDenied)
	require.Len(t, b.seen(), 2)
}
