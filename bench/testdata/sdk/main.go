// A handler that makes the SDK's two clients from the SDK's own configuration, and
// uses neither: what a function that speaks to these services costs as a rule.
package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

func main() {
	cfg, err := config.LoadDefaultConfig(context.Background())
	parameters, metrics := ssm.NewFromConfig(cfg), cloudwatch.NewFromConfig(cfg)
	lambda.Start(func(_ context.Context, event json.RawMessage) (json.RawMessage, error) {
		if err != nil || parameters == nil || metrics == nil {
			return nil, errors.Join(errors.New("no clients"), err)
		}
		return event, nil
	})
}
