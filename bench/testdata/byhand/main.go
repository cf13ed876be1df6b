// A handler that makes the SDK's two clients from a configuration written by hand,
// without the SDK's loader: the least that a function costs that could call them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

func main() {
	key := credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), "")
	cfg := aws.Config{Region: os.Getenv("AWS_REGION"), Credentials: key}
	parameters, metrics := ssm.NewFromConfig(cfg), cloudwatch.NewFromConfig(cfg)
	lambda.Start(func(_ context.Context, event json.RawMessage) (json.RawMessage, error) {
		if parameters == nil || metrics == nil {
			return nil, errors.New("no clients")
		}
		return event, nil
	})
}
