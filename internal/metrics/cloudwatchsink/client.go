package cloudwatchsink

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
)

// attemptTimeout bounds one attempt; a call that hangs must not take the rest
// of the invocation with it.
const attemptTimeout = 2 * time.Second

// NewClient returns a CloudWatch client that speaks JSON. The SDK's own choice
// is CBOR, which few emulators understand; what is tested is what is deployed.
func NewClient(cfg aws.Config) *cloudwatch.Client {
	return cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		o.Protocol = awsjson.New10(schemas.GraniteServiceVersion20100801)
		if h, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = h.WithTimeout(attemptTimeout)
		}
	})
}
