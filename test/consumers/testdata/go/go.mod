// The module of the Go program of docs/consumers.md. The test copies it out of the repository, adds the program, and
// sets the paths of the two replace directives.
module example.com/issues

go 1.26.0

require (
	github.com/andygrunwald/go-jira v1.16.0
	github.com/aws/aws-sdk-go-v2/config v1.33.16
	github.com/aws/aws-sdk-go-v2/service/ssm v1.82.0
	github.com/tokenkeeper/tokenkeeper/pkg/tokensource v0.0.0
)

require (
	github.com/aws/aws-sdk-go-v2 v1.47.8 // indirect
	github.com/aws/aws-sdk-go-v2/credentials v1.20.16 // indirect
	github.com/aws/aws-sdk-go-v2/feature/ec2/imds v1.20.8 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.11 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.11 // indirect
	github.com/aws/aws-sdk-go-v2/internal/v4a v1.5.11 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding v1.13.24 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/presigned-url v1.14.11 // indirect
	github.com/aws/aws-sdk-go-v2/service/signin v1.12.4 // indirect
	github.com/aws/aws-sdk-go-v2/service/sso v1.39.4 // indirect
	github.com/aws/aws-sdk-go-v2/service/ssooidc v1.44.4 // indirect
	github.com/aws/aws-sdk-go-v2/service/sts v1.51.9 // indirect
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/fatih/structs v1.1.0 // indirect
	github.com/golang-jwt/jwt/v4 v4.4.2 // indirect
	github.com/google/go-querystring v1.1.0 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/tokenkeeper/tokenkeeper v0.0.0 // indirect
	github.com/trivago/tgo v1.0.7 // indirect
	golang.org/x/oauth2 v0.38.0 // indirect
)

replace github.com/tokenkeeper/tokenkeeper => ../../../..

replace github.com/tokenkeeper/tokenkeeper/pkg/tokensource => ../../../../pkg/tokensource
