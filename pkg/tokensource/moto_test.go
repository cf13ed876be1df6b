package tokensource_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"
)

// parameterStore is the Parameter Store of a real moto server, which the tests of
// this package share. The server always ends with the test binary: its shell waits
// for the end of a pipe, which the kernel closes. The root module's package moto is
// not used here, since an importer of this module would need its requirements.
func parameterStore(t testing.TB) *ssm.Client {
	t.Helper()
	url, err := motoURL()
	require.NoError(t, err)
	return ssm.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("moto", "moto", ""),
	})
}

var (
	serving  = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
	keepMoto io.Closer // reachable as long as the tests run
	motoURL  = sync.OnceValues(func() (string, error) {
		program, err := filepath.Abs("../../.venv/bin/moto_server")
		if err != nil {
			return "", err
		}
		if _, err := os.Stat(program); err != nil {
			return "", fmt.Errorf("run `make setup` first: %w", err)
		}
		const supervise = `"$@" & server=$!; exec 2>/dev/null; cat >/dev/null; kill -9 $server; wait $server`
		cmd := exec.Command("/bin/sh", "-c", supervise, "supervise", program, "-H", "127.0.0.1", "-p", "0")
		input, err1 := cmd.StdinPipe()
		output, err2 := cmd.StderrPipe()
		if err := errors.Join(err1, err2, cmd.Start()); err != nil {
			return "", err
		}
		keepMoto = input
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			if m := serving.FindStringSubmatch(lines.Text()); m != nil {
				go func() { _, _ = io.Copy(io.Discard, output) }()
				return m[1], nil
			}
		}
		return "", errors.New("moto ended before it was ready: run `make setup` again")
	})
)

// put stores a SecureString.
func put(t testing.TB, client *ssm.Client, name, value string) {
	t.Helper()
	_, err := client.PutParameter(context.Background(), &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true),
	})
	require.NoError(t, err)
}
