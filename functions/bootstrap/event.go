package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdaurl"
)

// pageRequest tells a request that came over the function's URL from one that
// came by an invocation, and returns it. Who invokes could make such an event
// up, and would get the page that everybody gets.
func pageRequest(payload json.RawMessage) (*events.LambdaFunctionURLRequest, bool) {
	var r events.LambdaFunctionURLRequest
	if json.Unmarshal(payload, &r) != nil || r.Version != "2.0" || r.RequestContext.HTTP.Method == "" {
		return nil, false
	}
	return &r, true
}

// servePage serves a request for a page. lambdaurl reads cookies from the header
// alone, where Lambda need not put them. The error about an unreadable address
// quotes it, with the code and the state that it may hold. Such a request is
// served as one for a page that does not exist.
func servePage(ctx context.Context, site http.Handler, r *events.LambdaFunctionURLRequest) (any, error) {
	event := *r
	if len(event.Cookies) > 0 && event.Headers["cookie"] == "" {
		event.Headers = maps.Clone(event.Headers)
		if event.Headers == nil {
			event.Headers = map[string]string{}
		}
		event.Headers["cookie"] = strings.Join(event.Cookies, "; ")
	}
	at := &event.RequestContext
	address := "https://" + at.DomainName + event.RawPath + "?" + event.RawQueryString
	if _, err := http.NewRequestWithContext(ctx, at.HTTP.Method, address, nil); err != nil {
		event.RawPath, event.RawQueryString, at.DomainName, at.HTTP.Method = "/unreadable", "", "", http.MethodGet
	}
	return lambdaurl.Wrap(site)(ctx, &event)
}
