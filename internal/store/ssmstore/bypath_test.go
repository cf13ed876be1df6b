package ssmstore_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// More parameters than a page has, of both types, and none from beside the path.
func TestValuesBelowAPath(t *testing.T) {
	server := moto.Start(t)
	client := ssmstore.NewClient(server.AWSConfig())
	want := map[string]string{}
	put := func(name, value string, kind types.ParameterType) {
		_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: aws.Bool(true)})
		require.NoError(t, err)
	}
	for i := range 23 {
		name, value, kind := fmt.Sprintf("/by-path/list/%d", i), fmt.Sprintf("/t/%d_,/t/more_", i), types.ParameterTypeString
		if i%2 == 0 {
			kind = types.ParameterTypeStringList
		}
		put(name, value, kind)
		want[name] = value
	}
	put("/by-path/list/deep/er", "/t/deep_", types.ParameterTypeString)
	want["/by-path/list/deep/er"] = "/t/deep_"
	put("/by-path/lists/1", "/t/other_", types.ParameterTypeString)
	put("/by-path/list", "/t/itself_", types.ParameterTypeString)

	values, err := ssmstore.NewByPath(client, "/by-path/list").Values(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, values)
	values, err = ssmstore.NewByPath(client, "/by-path/nothing").Values(t.Context())
	require.NoError(t, err)
	require.Empty(t, values)
	cfg := server.AWSConfig()
	cfg.BaseEndpoint = aws.String("http://127.0.0.1:1")
	_, err = ssmstore.NewByPath(ssmstore.NewClient(cfg), "/by-path/list").Values(t.Context())
	require.ErrorContains(t, err, "/by-path/list")
	require.NotErrorIs(t, err, store.ErrNotFound)
}
