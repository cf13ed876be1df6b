package main

import (
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"
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
