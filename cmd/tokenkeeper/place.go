package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// place says where parameters are.
type place struct {
	// Store is ssm, file:DIR or gcp:PROJECT.
	Store string `json:"store"`
	// Account and As are who the credentials are; empty where that is not known.
	Account string `json:"account,omitempty"`
	As      string `json:"as,omitempty"`
	// Region is AWS's, and RegionFrom what decided it.
	Region     string `json:"region,omitempty"`
	RegionFrom string `json:"region_from,omitempty"`
	// Differs is a setting that names another region, and counts for nothing.
	Differs string `json:"differs,omitempty"`
}

// String says it in a phrase.
func (p place) String() string {
	if dir, ok := strings.CutPrefix(p.Store, "file:"); ok {
		return "the directory " + dir
	}
	if project, ok := strings.CutPrefix(p.Store, "gcp:"); ok {
		return "the project " + project + " of Google Cloud"
	}
	text := "region " + p.Region + " (" + p.RegionFrom
	if p.Differs != "" {
		text += "; " + p.Differs
	}
	if p.Account != "" {
		text = "account " + p.Account + ", " + text
	}
	return text + ")"
}

// regionOf says which of the settings decided the region: AWS_REGION, then
// AWS_DEFAULT_REGION, then the profile. This is the one rule, for every command
// and for make deploy.
func regionOf(cfg aws.Config, getenv func(string) string) place {
	p := place{Store: "ssm", Region: cfg.Region}
	first, second := getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")
	switch {
	case first != "":
		p.RegionFrom = "from AWS_REGION"
		if second != "" && second != first {
			p.Differs = "AWS_DEFAULT_REGION, which says " + second + ", does not count"
		}
	case second != "":
		p.RegionFrom = "from AWS_DEFAULT_REGION"
	default:
		p.RegionFrom = "from the profile " + cmp.Or(getenv("AWS_PROFILE"), "default")
	}
	return p
}

// identityTimeout bounds the question who the credentials are. Its two attempts fit
// in, with the SDK's longest pause between them: or the time-out would hide why AWS
// cannot be reached.
const identityTimeout = 5 * time.Second

// awsPlace is where the AWS configuration leads, and how far this machine's clock is
// ahead of AWS's. The error says why it is not known whose account that is.
func awsPlace(ctx context.Context, cfg aws.Config) (p place, ahead time.Duration, err error) {
	p = regionOf(cfg, os.Getenv)
	ctx, cancel := context.WithTimeout(ctx, identityTimeout)
	defer cancel()
	who, err := sts.NewFromConfig(cfg, func(o *sts.Options) { o.RetryMaxAttempts = 2 }).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return p, 0, fmt.Errorf("who these credentials are cannot be asked: %s", awsReason(err))
	}
	p.Account, p.As = aws.ToString(who.Account), aws.ToString(who.Arn)
	if at, ok := awsmiddleware.GetServerTime(who.ResultMetadata); ok {
		ahead = time.Since(at)
	}
	return p, ahead, nil
}
