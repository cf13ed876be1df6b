package moto

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"
)

func TestClocked(t *testing.T) {
	now := time.Date(2031, 2, 3, 4, 5, 6, 789e6, time.UTC)
	c := Start(t).Clocked(t, func() time.Time { return now })
	client, ctx := ssm.NewFromConfig(c.AWSConfig()), t.Context()
	secret, plain := "T"+rand.Text()[:10], "T"+rand.Text()[:10]
	written := map[int64]time.Time{}
	for _, value := range []string{"one", "two"} {
		out, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: &secret, Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
		require.NoError(t, err)
		written[out.Version] = now
		now = now.Add(25 * time.Hour)
	}
	_, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: &plain, Value: aws.String("x"), Type: types.ParameterTypeString})
	require.NoError(t, err)
	require.Equal(t, Counts{Calls: 3, KMS: 2}, c.Counts())

	t.Run("a read", func(t *testing.T) {
		for _, decrypted := range []bool{false, true} {
			out, err := client.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{secret, plain}, WithDecryption: &decrypted})
			require.NoError(t, err)
			require.Len(t, out.Parameters, 2)
			for _, p := range out.Parameters {
				want := now
				if *p.Name == secret {
					want = written[2]
				}
				require.WithinDuration(t, want, *p.LastModifiedDate, time.Millisecond)
			}
			at, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
			require.True(t, ok)
			require.True(t, now.Truncate(time.Second).Equal(at), "%v", at)
		}
		require.Equal(t, Counts{Calls: 2, KMS: 1}, c.Counts())
	})
	t.Run("a read of the history", func(t *testing.T) {
		out, err := client.GetParameterHistory(ctx, &ssm.GetParameterHistoryInput{Name: &secret, WithDecryption: aws.Bool(true)})
		require.NoError(t, err)
		require.Len(t, out.Parameters, 2)
		for _, p := range out.Parameters {
			require.WithinDuration(t, written[p.Version], *p.LastModifiedDate, time.Millisecond)
		}
		require.Equal(t, Counts{Calls: 1, KMS: 2}, c.Counts())
	})
	t.Run("a refused write", func(t *testing.T) {
		_, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: &secret, Value: aws.String("x"), Type: types.ParameterTypeSecureString})
		var exists *types.ParameterAlreadyExists
		require.ErrorAs(t, err, &exists)
		require.Equal(t, Counts{Calls: 1}, c.Counts())
	})
}
