package tokensource

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// getter is the one operation of Parameter Store that a reader needs.
type getter interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
}

// FromParameterStore reads a connection's parameters from AWS Systems Manager
// Parameter Store; client is usually an [*ssm.Client]. The connection is the prefix
// of the parameters' names, such as PSOXY_JIRA_CLOUD_ or /corp/PSOXY_JIRA_CLOUD_.
// FromParameterStore itself reads nothing.
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
			return secret.Secret{}, errors.New("the answer contains no parameter: try again")
		}
		return secret.New(aws.ToString(out.Parameter.Value)), nil
	})
}

// maxFileName is the longest encoded name that the file store uses unchanged, in
// bytes.
const maxFileName = 200

// FromDirectory reads a connection's parameters from the directory of
// `tokenkeeper --store file:DIRECTORY`. tokenkeeper rotates the tokens there while
// this program reads them. Only the owner can read the files, so both programs must
// run as one user. FromDirectory itself reads nothing.
func FromDirectory(dir, connection string) *Source {
	return newSource(connection, func(ctx context.Context, name string) (secret.Secret, error) {
		if err := ctx.Err(); err != nil {
			return secret.Secret{}, err
		}
		content, err := os.ReadFile(filepath.Join(dir, fileName(name)))
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(dir); err != nil {
				return secret.Secret{}, err // a misspelt directory is not a missing consent
			}
			return secret.Secret{}, nil
		}
		if err != nil {
			return secret.Secret{}, err
		}
		var parameter struct {
			Name     string                   `json:"name"`
			Versions []struct{ Value string } `json:"versions"` // oldest first
		}
		if json.Unmarshal(content, &parameter) != nil || parameter.Name != name || len(parameter.Versions) == 0 {
			return secret.Secret{}, errors.New("the file is not a parameter as tokenkeeper writes it: restore it from a backup, or run `tokenkeeper authorize` again")
		}
		return secret.New(parameter.Versions[len(parameter.Versions)-1].Value), nil
	})
}

// fileName is the name of a parameter's file. A slash is written as %2F and a
// leading dot as %2E. A name that is too long for a file system is written as its
// SHA-256.
func fileName(name string) string {
	encoded := strings.ReplaceAll(name, "/", "%2F")
	if strings.HasPrefix(encoded, ".") {
		encoded = "%2E" + encoded[1:]
	}
	if len(encoded) > maxFileName {
		encoded = fmt.Sprintf("%%sha256-%x", sha256.Sum256([]byte(name)))
	}
	return encoded + ".json"
}
