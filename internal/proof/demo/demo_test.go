package demo_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/demo"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, demo.Run(context.Background(), &out))
	require.Regexp(t, `(?s)in_doubt.*replayed.*\(killed\).*replayed.*restored .*it is an older token.*  1 days.*refused.*365 days remain again.*\ndemo: ok[^\n]*\n$`, out.String())
}
