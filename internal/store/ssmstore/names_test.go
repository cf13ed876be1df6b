package ssmstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// More names than one page holds, of which some fit.
func TestNames(t *testing.T) {
	server := moto.Start(t)
	server.Reset(t)
	client := ssmstore.NewClient(server.AWSConfig())
	s := ssmstore.New(client, "alias/aws/ssm", time.Now)
	var want []string
	for i := range 60 {
		name := fmt.Sprintf("/corp/A%02d_TOKEN_FAMILY", i)
		want = append(want, name)
		_, err := s.Write(t.Context(), name, atlassian.NewSecret("{}"), store.Plain)
		require.NoError(t, err)
	}
	for _, name := range []string{"B_TOKEN_LEDGER", "C_REFRESH_TOKEN"} {
		_, err := s.Write(t.Context(), name, atlassian.NewSecret("v"), store.Encrypted)
		require.NoError(t, err)
	}
	names, err := ssmstore.Names(t.Context(), client, "TOKEN_FAMILY", "TOKEN_LEDGER")
	require.NoError(t, err)
	require.ElementsMatch(t, append(want, "B_TOKEN_LEDGER"), names)
}
