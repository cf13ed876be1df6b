package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

// A process serves many requests. The log lines of each name that request alone,
// and do not grow.
func TestEachLineTellsOneRequest(t *testing.T) {
	var out bytes.Buffer
	serve := handler(slog.New(slog.NewJSONHandler(&out, nil)), deployment{}, func(_ context.Context, log *slog.Logger) (fleet.Report, error) {
		log.Info("tick")
		return fleet.Report{}, nil
	}, nil)
	for _, id := range []string{"first", "second", "third"} {
		out.Reset()
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: id})
		_, err := serve(ctx, json.RawMessage(`{"action":"tick","scheduled_time":"2026-11-24T04:00:00Z"}`))
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(out.String(), "request_id"), out.String())
		require.Equal(t, 1, strings.Count(out.String(), "scheduled_time"), out.String())
		require.Contains(t, out.String(), id)
	}
}

// Lambda repeats what fails, so an invocation fails only where that can help; the
// log tells either way, and of a failure as of an error.
func TestWhatFailsAnInvocation(t *testing.T) {
	for _, tt := range []struct {
		name  string
		tick  error
		fails bool
		level string
	}{
		{"a lost family", sick(t, nil), false, "WARN"},
		{"metrics that are not published", sick(t, errors.New("throttled")), true, "ERROR"},
		{"a configuration that does not hold", invalid(), true, "ERROR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			serve := handler(slog.New(slog.NewJSONHandler(&out, nil)), deployment{}, func(context.Context, *slog.Logger) (fleet.Report, error) {
				return fleet.Report{}, tt.tick
			}, nil)
			_, err := serve(t.Context(), json.RawMessage(`{}`))
			require.Equal(t, tt.fails, err != nil)
			require.Contains(t, out.String(), `"level":"`+tt.level+`"`)
		})
	}
}
