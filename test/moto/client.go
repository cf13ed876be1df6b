package moto

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
)

// The emulator accepts any credentials. These are not secret.
const accessKey, secretKey = "moto", "moto"

// AWSConfig returns a configuration whose clients talk to the emulator. It uses nothing
// from the environment.
func (s *Server) AWSConfig() aws.Config {
	return aws.Config{
		Region:       Region,
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
		BaseEndpoint: aws.String(s.URL),
	}
}

// Env returns the environment, as KEY=value, for a program that must use the emulator
// instead of AWS. It also contains this process's other variables, such as PATH.
func (s *Server) Env() []string {
	return append(environment(),
		"AWS_ENDPOINT_URL="+s.URL,
		"AWS_REGION="+Region,
		"AWS_ACCESS_KEY_ID="+accessKey,
		"AWS_SECRET_ACCESS_KEY="+secretKey,
		"AWS_EC2_METADATA_DISABLED=true",
	)
}

// CloudWatch returns a client for the emulator. It uses the query protocol, since moto
// answers the client's default protocol, rpc-v2-cbor, with 404.
func (s *Server) CloudWatch() *cloudwatch.Client {
	return cloudwatch.NewFromConfig(s.AWSConfig(), func(o *cloudwatch.Options) {
		o.Protocol = awsquery.New(schemas.GraniteServiceVersion20100801)
	})
}
