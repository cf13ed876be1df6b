// The bootstrap is the Lambda function of the yearly consent: invoked by whoever
// may, it begins and completes one; over its URL, where there is one, it serves
// the pages of a hosted consent. Its configuration is in settings.go; what it does
// is in internal/consent.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/consent/pages"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("version", config.Version())
	slog.SetDefault(log) // aws-lambda-go prints through the log package
	service, site, list, err := wire(context.Background(), log)
	if err != nil {
		// Every invocation fails with the reason.
		log.Error("the function cannot start", "error", err)
		lambda.Start(func(context.Context) error { return err })
		return
	}
	serve := handler(log, service, site)
	if list != nil {
		serve = listed(log, service, list, serve)
	}
	lambda.Start(serve)
}

// wire makes the service from the environment, and the pages if they are wanted.
// The list is nil where the environment holds the connections.
func wire(ctx context.Context, log *slog.Logger) (*consent.Service, http.Handler, *config.List, error) {
	c, err := settingsFrom(os.Getenv)
	if err != nil {
		return nil, nil, nil, err
	}
	aws, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	ssm := ssmstore.NewClient(aws)
	parameters := ssmstore.New(ssm, c.KeyID, time.Now)
	client := &atlassian.Client{AuthURL: c.AuthURL, APIURL: c.APIURL}
	service := consent.New(consent.Config{
		Keeper:      keeper.New(keeper.Config{Store: parameters, Token: client, Now: time.Now, Sleep: sleep, Process: rand.Text()[:12]}),
		Store:       parameters,
		Connections: c.Connections,
		Atlassian:   client,
		AuthURL:     c.AuthURL,
		Now:         time.Now,
		Hosted:      c.hosted,
		Log:         log,
	})
	if c.ConnectionsPath != "" {
		list := &config.List{Source: ssmstore.NewByPath(ssm, c.ConnectionsPath), Root: c.ParameterPath, Connection: c.Connection, Now: time.Now}
		return service, nil, list, nil
	}
	if !c.hosted {
		return service, nil, nil, nil
	}
	return service, pages.New(service, c.host, log, time.Now), nil, nil
}

// serveFunc serves one event.
type serveFunc func(context.Context, json.RawMessage) (any, error)

// listed gives the service the connections that are listed at the time. Lambda
// gives a process one event after the other.
func listed(log *slog.Logger, service *consent.Service, list *config.List, serve serveFunc) serveFunc {
	return func(ctx context.Context, payload json.RawMessage) (answer any, err error) {
		if service.Connections, _, err = list.Connections(ctx, log); err != nil {
			return nil, err
		}
		return serve(ctx, payload)
	}
}

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
	}
	panic("an event of no known kind")
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
