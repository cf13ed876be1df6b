package ledger_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger/ledgertest"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

func TestConformance(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		ledgertest.Run(t, func(*testing.T) ledgertest.Factory {
			return ledgertest.InStore(memstore.New(time.Now), nil, nil)
		})
	})
	t.Run("files", func(t *testing.T) {
		ledgertest.Run(t, func(t *testing.T) ledgertest.Factory {
			s, err := filestore.Open(filepath.Join(t.TempDir(), "store"))
			require.NoError(t, err)
			return ledgertest.InStore(s, nil, nil)
		})
	})
	t.Run("Parameter Store", func(t *testing.T) {
		client := ssmstore.NewClient(moto.Start(t).AWSConfig())
		s := ssmstore.New(client, "alias/aws/ssm", time.Now)
		label := func(ctx context.Context, name string) error {
			_, err := client.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{
				Name: &name, ParameterVersion: aws.Int64(1), Labels: []string{"kept"}})
			return err
		}
		unlabel := func(ctx context.Context, name string) error {
			_, err := client.UnlabelParameterVersion(ctx, &ssm.UnlabelParameterVersionInput{
				Name: &name, ParameterVersion: aws.Int64(1), Labels: []string{"kept"}})
			return err
		}
		ledgertest.Run(t, func(*testing.T) ledgertest.Factory { return ledgertest.InStore(s, label, unlabel) })
	})
}
