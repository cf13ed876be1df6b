package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/tokenkeeper/tokenkeeper/internal/refresher"
)

// parseDeployment recognizes what CloudFormation sends for the template's
// FirstTick, a custom resource that is this function: the deployment waits for
// it. So a function that cannot start, or whose metrics nobody would see, is
// never deployed, and the heartbeat's alarm begins with a heartbeat.
func parseDeployment(payload json.RawMessage) (e cfn.Event, ok bool) {
	err := json.Unmarshal(payload, &e)
	return e, err == nil && e.ResponseURL != "" && e.RequestType != ""
}

// deployed answers CloudFormation. A tick is made when the resource is created or
// changed, unless the schedule is to be disabled; sick connections do not fail
// it, for that is what alarms are for. The error is that of the answer: Lambda
// then tries again.
func deployed(ctx context.Context, e cfn.Event, tick tickFunc, log *slog.Logger) error {
	if u, err := url.Parse(e.ResponseURL); err != nil || u.Scheme != "https" && u.Hostname() != "127.0.0.1" {
		return UnexpectedEvent{"the event's ResponseURL is not one of CloudFormation's, which begin with https://"}
	}
	answer := cfn.NewResponse(&e)
	answer.PhysicalResourceID, answer.Status = "first-tick", cfn.StatusSuccess
	if e.RequestType != cfn.RequestDelete && e.ResourceProperties["ScheduleState"] == "ENABLED" {
		_, err := tick(ctx, log)
		var sick *refresher.Unhealthy
		if errors.As(err, &sick) && sick.Unwrap() == nil {
			log.Warn("deployed, but not every connection is well", "error", err)
		} else if err != nil {
			log.Error("the deployment is refused", "error", err)
			answer.Status, answer.Reason = cfn.StatusFailed, err.Error()
		}
	}
	if err := answer.Send(); err != nil {
		return errors.New("the answer to CloudFormation could not be sent") // its error holds the URL, which is signed
	}
	return nil
}
