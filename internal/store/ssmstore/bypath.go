package ssmstore

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// ByPath reads all parameters below a path, such as a list in several parts. It
// needs ssm:GetParametersByPath on the path and below it.
type ByPath struct {
	client ssm.GetParametersByPathAPIClient
	path   string
}

// NewByPath returns a reader of the parameters below a path, which begins with a slash.
func NewByPath(c ssm.GetParametersByPathAPIClient, path string) *ByPath { return &ByPath{c, path} }

// Values returns the values by whole name: a String's or a StringList's as it
// is, a SecureString's undecrypted. Ten parameters cost one call. No parameter
// below the path is no error.
func (p *ByPath) Values(ctx context.Context) (map[string]string, error) {
	values := map[string]string{}
	pages := ssm.NewGetParametersByPathPaginator(p.client, &ssm.GetParametersByPathInput{Path: &p.path, Recursive: aws.Bool(true)},
		func(o *ssm.GetParametersByPathPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("the parameters below it: %w", describe(ctx, "GetParametersByPath", p.path, 0, err))
		}
		for _, parameter := range out.Parameters {
			values[aws.ToString(parameter.Name)] = aws.ToString(parameter.Value)
		}
	}
	return values, nil
}
