package tokensource

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// getter is the one operation of Parameter Store that a reader needs.
type getter interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// FromParameterStore reads the parameters of a connection from AWS Systems
// Manager Parameter Store; an [*ssm.Client] is what to give it. The connection is
// the prefix of the parameters' names, such as PSOXY_JIRA_CLOUD_ or
// /corp/PSOXY_JIRA_CLOUD_. Nothing is read yet.
func FromParameterStore(client getter, connection string) *Source {
	return newSource(connection, func(ctx context.Context, name string) (secret.Secret, error) {
		out, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		var absent *types.ParameterNotFound
		switch {
		case errors.As(err, &absent):
			return secret.Secret{}, nil
		case err != nil:
			return secret.Secret{}, err
		case out.Parameter == nil:
			return secret.Secret{}, errors.New("the answer holds no parameter: try again")
		}
		return secret.New(aws.ToString(out.Parameter.Value)), nil
	})
}
