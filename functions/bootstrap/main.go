// The bootstrap is the Lambda function of the yearly consent. An invocation begins
// or completes a consent. Its URL, if it has one, serves the pages of a hosted
// consent. Its configuration is in settings.go; what it does is in
// internal/consent.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/config/awsenv"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/pages"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("version", config.Version())
	slog.SetDefault(log) // aws-lambda-go prints through the log package
	service, site, err := wire(log)
	if err != nil {
		// Every invocation fails with the reason.
		log.Error("the function cannot start", "error", err)
		lambda.Start(func(context.Context) error { return err })
		return
	}
	lambda.Start(handler(log, service, site))
}

// wire makes the service from the environment, and the pages if they are wanted.
func wire(log *slog.Logger) (*consent.Service, http.Handler, error) {
	c, err := settingsFrom(os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	aws, err := awsenv.Config(os.Getenv)
	if err != nil {
		return nil, nil, err
	}
	ssm := ssmstore.NewClient(aws)
	parameters := ssmstore.New(ssm, c.KeyID, time.Now)
	client := &atlassian.Client{AuthURL: c.AuthURL, APIURL: c.APIURL}
	settings := consent.Config{
		Keeper:      keeper.New(keeper.Config{Store: parameters, Token: client, Process: rand.Text()[:12]}),
		Store:       parameters,
		Connections: c.Connections,
		Atlassian:   client,
		AuthURL:     c.AuthURL,
		Hosted:      c.hosted,
		Log:         log,
	}
	if c.ConnectionsPath != "" {
		list := &config.List{Source: ssmstore.NewByPath(ssm, c.ConnectionsPath), Root: c.ParameterPath, Connection: c.Connection}
		settings.List = list.Connections
	}
	service := consent.New(settings)
	if !c.hosted {
		return service, nil, nil
	}
	return service, pages.New(service, c.host, log, time.Now), nil
}

// serveFunc serves one event.
type serveFunc func(context.Context, json.RawMessage) (any, error)

// handler serves one event: an invocation's, or a request for a page.
func handler(log *slog.Logger, service *consent.Service, site http.Handler) serveFunc {
	return func(ctx context.Context, payload json.RawMessage) (any, error) {
		log := log // of this request: the function outlives it
		if lc, ok := lambdacontext.FromContext(ctx); ok {
			log = log.With("request_id", lc.AwsRequestID)
		}
		if r, ok := pageRequest(payload); ok && site != nil {
			return servePage(ctx, site, r)
		}
		answer, err := serve(ctx, service, payload)
		var refused *consent.Error
		if errors.As(err, &refused) {
			log.Warn("refused", "type", refused.Type, "reason", refused.Message)
			return nil, messages.InvokeResponse_Error{Type: string(refused.Type), Message: refused.Message}
		}
		return answer, err
	}
}

// serve carries out an invocation's request.
func serve(ctx context.Context, service *consent.Service, payload json.RawMessage) (any, error) {
	request, err := consent.ParseEvent(payload)
	if err != nil {
		return nil, err
	}
	switch r := request.(type) {
	case consent.BeginRequest:
		return service.Begin(ctx, r)
	case consent.CompleteRequest:
		return service.Complete(ctx, r)
	case consent.StatusRequest:
		return service.Status(ctx, r)
	case consent.HealthRequest:
		reports, err := service.Health(ctx, r, strings.TrimSuffix(os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), "-bootstrap"))
		return health.Answer{Version: config.Version(), Connections: reports}, err
	}
	panic("an event of no known kind")
}
