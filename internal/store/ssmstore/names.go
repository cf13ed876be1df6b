package ssmstore

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Names are the names of all parameters in this account and region that contain
// one of the parts. No value is read. It needs ssm:DescribeParameters, which is
// granted for all parameters or for none.
func Names(ctx context.Context, c ssm.DescribeParametersAPIClient, parts ...string) ([]string, error) {
	var names []string
	pages := ssm.NewDescribeParametersPaginator(c, &ssm.DescribeParametersInput{
		MaxResults:       aws.Int32(50),
		ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("Contains"), Values: parts}},
	}, func(o *ssm.DescribeParametersPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, describe(ctx, "DescribeParameters", "the parameters' names", 0, err)
		}
		for _, p := range out.Parameters {
			names = append(names, aws.ToString(p.Name))
		}
	}
	return names, nil
}
