// A Lambda function that misbehaves on demand, for the tests of lambdaruntime.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string `json:"do"`
	Text string `json:"text"`
}

type answer struct {
	Text       string   `json:"text,omitempty"`
	RequestID  string   `json:"request_id"`
	ARN        string   `json:"arn"`
	DeadlineMS int64    `json:"deadline_ms"`
	PID        int      `json:"pid"`
	Env        []string `json:"env,omitempty"`
}

func handle(ctx context.Context, e event) (any, error) {
	fmt.Println("stdout: " + e.Text)
	fmt.Fprintln(os.Stderr, "stderr: "+e.Text)
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	a := answer{Text: e.Text, RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn,
		DeadlineMS: deadline.UnixMilli(), PID: os.Getpid()}
	switch e.Do {
	case "error":
		return nil, errors.New("failed on demand")
	case "panic":
		panic("panicked on demand")
	case "exit":
		os.Exit(3)
	case "hang":
		time.Sleep(time.Hour)
	case "call":
		// Text is the URL of a server in the test, which may kill this process.
		resp, err := http.Get(e.Text)
		if err != nil {
			return nil, err
		}
		return a, resp.Body.Close()
	case "die later":
		time.AfterFunc(50*time.Millisecond, func() { os.Exit(4) })
	case "big":
		return strings.Repeat("x", 7<<20), nil
	case "env":
		a.Env = os.Environ()
	}
	return a, nil
}

func main() {
	switch os.Getenv("INIT") {
	case "report":
		resp, err := http.Post("http://"+os.Getenv("AWS_LAMBDA_RUNTIME_API")+"/2018-06-01/runtime/init/error",
			"application/json", strings.NewReader(`{"errorType":"BadConfig","errorMessage":"THING is wrong"}`))
		if err == nil {
			_ = resp.Body.Close()
		}
		os.Exit(1)
	case "exit":
		os.Exit(2)
	case "hang":
		time.Sleep(time.Hour)
	}
	lambda.Start(handle)
}
