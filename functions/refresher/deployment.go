package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

// parseDeployment recognizes what CloudFormation sends for the template's
// FirstTick, a custom resource that is this function: the deployment waits for
// it. So a function that cannot start, or whose metrics nobody would see, is
// never deployed, and the heartbeat's alarm begins with a heartbeat.
func parseDeployment(payload json.RawMessage) (e cfn.Event, ok bool) {
	err := json.Unmarshal(payload, &e)
	return e, err == nil && e.ResponseURL != "" && e.RequestType != ""
}

// deployment answers CloudFormation.
type deployment struct {
	// stackID is the ARN of the function's own stack; empty outside a stack.
	stackID string
	client  *http.Client
}

// answerTimeout bounds the answer to CloudFormation. A server that never responds
// must not keep the only execution from the ticks.
const answerTimeout = 5 * time.Second

// newDeployment answers for one stack only. It follows no redirect and stops
// waiting after seconds.
func newDeployment(stackID string) deployment {
	return deployment{stackID: stackID, client: &http.Client{
		Timeout:       answerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer answers an event. When the resource is created or changed, a tick is
// made, unless the schedule is to be disabled. An unhealthy connection does not
// fail it: alarms report those. The error is that of the answer: Lambda then tries
// again.
func (d deployment) answer(ctx context.Context, e cfn.Event, tick tickFunc, log *slog.Logger) error {
	if err := d.check(e); err != nil {
		log.Error("refused", "error", err)
		return err
	}
	answer := cfn.NewResponse(&e)
	answer.PhysicalResourceID, answer.Status = "first-tick", cfn.StatusSuccess
	if e.RequestType != cfn.RequestDelete && e.ResourceProperties["ScheduleState"] == "ENABLED" {
		_, err := tick(ctx, log)
		var sick *fleet.UnhealthyError
		if errors.As(err, &sick) && sick.Unwrap() == nil {
			log.Warn("deployed, but not every connection is well", "error", err)
		} else if err != nil {
			log.Error("the deployment is refused", "error", err)
			answer.Status, answer.Reason = cfn.StatusFailed, err.Error()
		}
	}
	return d.send(e.ResponseURL, answer)
}

// hosts are the domains of AWS's partitions; see AWS::URLSuffix.
var hosts = map[string]string{
	"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu",
	"aws-iso": "c2s.ic.gov", "aws-iso-b": "sc2s.sgov.gov", "aws-iso-e": "cloud.adc-e.uk", "aws-iso-f": "csp.hci.ic.gov",
}

// check refuses an event that does not come from CloudFormation for this stack.
// Anybody who may invoke the function can compose one, with any address. The
// bucket of the answers is CloudFormation's in each region, and is named after it
// (CloudFormation User Guide, "VPC endpoints"); nobody else can own that name.
func (d deployment) check(e cfn.Event) error {
	if d.stackID == "" || e.StackID != d.stackID {
		return UnexpectedEvent{"the event is of another CloudFormation stack than the function's own, or the function is of none"}
	}
	stack := strings.SplitN(e.StackID, ":", 5) // arn:partition:cloudformation:region:…
	if len(stack) < 5 || hosts[stack[1]] == "" {
		return UnexpectedEvent{"STACK_ID is not the ARN of a stack"}
	}
	region, suffix := stack[3], "."+hosts[stack[1]]
	bucket := "cloudformation-custom-resource-response-" + strings.ReplaceAll(region, "-", "")
	expected := []string{bucket + ".s3." + region + suffix, bucket + ".s3-" + region + suffix, bucket + ".s3" + suffix}
	u, err := url.Parse(e.ResponseURL)
	if err != nil || u.Scheme != "https" || u.User != nil || !slices.Contains(expected, u.Host) {
		return UnexpectedEvent{"the event's ResponseURL is not the address of CloudFormation's answers in " + region}
	}
	return nil
}

// send puts the answer where CloudFormation reads it. Its errors do not hold the
// address, which is signed.
func (d deployment) send(address string, answer *cfn.Response) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	// A deadline of its own: the tick's must not end the answer, nor this the tick.
	request, err := http.NewRequest(http.MethodPut, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the answer to CloudFormation could not be sent: its address is none")
	}
	response, err := d.client.Do(request)
	if err != nil {
		return errors.New("the answer to CloudFormation could not be sent within " + answerTimeout.String())
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return errors.New("CloudFormation did not take the answer: " + response.Status)
	}
	return nil
}
