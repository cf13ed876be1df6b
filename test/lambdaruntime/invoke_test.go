package lambdaruntime_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/stretchr/testify/require"
)

// AWS's own client works with it as with Lambda.
func TestInvokeAPI(t *testing.T) {
	server := httptest.NewServer(start(t, nil).InvokeAPI(5 * time.Second))
	t.Cleanup(server.Close)
	client := lambda.NewFromConfig(aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	call := func(name, event string) (*lambda.InvokeOutput, error) {
		return client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name, Payload: []byte(event)})
	}

	out, err := call("function", `{"do":"echo","text":"hello"}`)
	require.NoError(t, err)
	require.Nil(t, out.FunctionError)
	require.Contains(t, string(out.Payload), `"text":"hello"`)

	out, err = call("function", `{"do":"error"}`)
	require.NoError(t, err)
	require.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
	require.Contains(t, string(out.Payload), `"errorMessage":"failed on demand"`)

	out, err = call("function", `{"do":"exit"}`)
	require.NoError(t, err)
	require.Contains(t, string(out.Payload), `"errorType":"Runtime.ExitError"`)

	_, err = call("another", `{}`)
	var missing *types.ResourceNotFoundException
	require.ErrorAs(t, err, &missing)
}
