package moto

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// The emulator accepts any credentials; these are no secret.
const accessKey, secretKey = "moto", "moto"

// AWSConfig returns a configuration whose clients talk to the emulator. It is
// made by hand, and so takes nothing from the environment.
func (s *Server) AWSConfig() aws.Config {
	return aws.Config{
		Region:       Region,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		BaseEndpoint: aws.String(s.URL),
	}
}

// Env returns the environment, as KEY=value, for a program that has to find the
// emulator instead of AWS. It holds this process's other variables too, such as
// PATH.
func (s *Server) Env() []string {
	return append(environment(),
		"AWS_ENDPOINT_URL="+s.URL,
		"AWS_REGION="+Region,
		"AWS_ACCESS_KEY_ID="+accessKey,
		"AWS_SECRET_ACCESS_KEY="+secretKey,
		"AWS_EC2_METADATA_DISABLED=true",
	)
}

// CloudWatch returns a client for the emulator. It speaks the query protocol:
// moto does not know the client's own, rpc-v2-cbor, and answers it with 404.
func (s *Server) CloudWatch() *cloudwatch.Client {
	return cloudwatch.NewFromConfig(s.AWSConfig(), func(o *cloudwatch.Options) {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
	})
}
