// Package ssmstore keeps connections in AWS Systems Manager Parameter Store, for
// programs that run elsewhere than in tokenkeeper's Lambda function. The command
// line, psoxy and other readers of the parameters work beside them.
//
// The program needs ssm:GetParameters, ssm:GetParameterHistory and ssm:PutParameter
// on the connection's parameters, ssm:DeleteParameter on OAUTH_REFRESH_TOKEN_lock
// where psoxy rotates too, and kms:Decrypt, kms:Encrypt and kms:GenerateDataKey on a
// key of your own.
package ssmstore

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/keeper"
)

// New returns the store of an account and region. keyID is the key that encrypts
// new parameters: an id, an ARN or an alias; empty means alias/aws/ssm.
func New(cfg aws.Config, keyID string) keeper.Store {
	if keyID == "" {
		keyID = "alias/aws/ssm"
	}
	return ssmstore.New(ssmstore.NewClient(cfg), keyID, time.Now)
}
