package ssmstore_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/storetest"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

const key = "alias/tokenkeeper-test"

func TestConformance(t *testing.T) {
	s := ssmstore.New(ssmstore.NewClient(moto.Start(t).AWSConfig()), key, time.Now)
	storetest.Run(t, func(*testing.T) store.Store { return s })
}

// What AWS is asked to keep: the type, the key and the tier of each parameter.
func TestHowParametersAreKept(t *testing.T) {
	server := moto.Start(t)
	client := ssmstore.NewClient(server.AWSConfig())
	s, ctx := ssmstore.New(client, key, time.Now), t.Context()
	prefix := "T" + rand.Text()[:10]
	secret, plain := prefix+"_SECRET", prefix+"_PLAIN"
	large := strings.Repeat("x", 5000)
	_, err := s.Create(ctx, secret, atlassian.NewSecret("a secret"), store.Encrypted)
	require.NoError(t, err)
	_, err = s.Write(ctx, secret, atlassian.NewSecret(large), store.Encrypted)
	require.NoError(t, err)
	_, err = s.Write(ctx, plain, atlassian.NewSecret("plain"), store.Plain)
	require.NoError(t, err)

	out, err := client.DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{
		{Key: aws.String("Name"), Option: aws.String("BeginsWith"), Values: []string{prefix}},
	}})
	require.NoError(t, err)
	kept := map[string]types.ParameterMetadata{}
	for _, p := range out.Parameters {
		kept[aws.ToString(p.Name)] = p
		require.Equal(t, types.ParameterTierIntelligentTiering, p.Tier)
		require.Empty(t, p.Policies)
	}
	require.Len(t, kept, 2)
	require.Equal(t, types.ParameterTypeSecureString, kept[secret].Type)
	require.Equal(t, key, aws.ToString(kept[secret].KeyId))
	require.Equal(t, types.ParameterTypeString, kept[plain].Type)
	require.Empty(t, aws.ToString(kept[plain].KeyId))

	raw, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(secret + ":1")})
	require.NoError(t, err)
	require.NotEqual(t, "a secret", aws.ToString(raw.Parameter.Value), "it is stored encrypted")
}

// Labels are never set, and versions beyond the hundredth therefore never fail.
func TestNeverLabels(t *testing.T) {
	client := ssmstore.NewClient(moto.Start(t).AWSConfig())
	s, ctx := ssmstore.New(client, key, time.Now), t.Context()
	name := "T" + rand.Text()[:10]
	for range 3 {
		_, err := s.Write(ctx, name, atlassian.NewSecret("x"), store.Encrypted)
		require.NoError(t, err)
	}
	history, err := client.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{Name: &name})
	require.NoError(t, err)
	require.Len(t, history.Parameters, 3)
	for _, p := range history.Parameters {
		require.Empty(t, p.Labels)
		require.Empty(t, p.Policies)
	}
}

func TestNewWithoutKeyPanics(t *testing.T) {
	require.PanicsWithValue(t, "ssmstore.New: no key id: expected one such as alias/aws/ssm", func() {
		ssmstore.New(ssmstore.NewClient(aws.Config{}), "", time.Now)
	})
}
