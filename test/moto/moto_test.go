package moto

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stretchr/testify/require"
)

// childVariable makes this test binary start a server, print its address, and wait to
// be killed.
const childVariable = "MOTOTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	s, keep, err := start()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.URL)
	<-time.After(time.Hour)
	keep.Close()
}

func alive(url string) bool {
	resp, err := http.Get(url + "/moto-api/data.json")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func TestServerIsSharedAndEndsWithTheTestBinary(t *testing.T) {
	require.Same(t, Start(t), Start(t))

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	url := lines.Text()
	require.NotEqual(t, Start(t).URL, url)
	require.True(t, alive(url))

	require.NoError(t, cmd.Process.Kill()) // SIGKILL: the process cannot clean up
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return !alive(url) }, 10*time.Second, 20*time.Millisecond)
}

func TestMissingVenvSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), nil, 0o600))
	deep := filepath.Join(dir, "a", "b")
	require.NoError(t, os.MkdirAll(deep, 0o700))
	_, err := findFrom(deep)
	require.ErrorContains(t, err, "run `make setup` first")

	_, err = findFrom(string(filepath.Separator))
	require.ErrorContains(t, err, "go.mod")
}

func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_CA_BUNDLE", "/nonexistent")
	t.Setenv("AWS_PROFILE", "production")
	t.Setenv("KEPT", "1")
	env := Start(t).Env()
	require.Contains(t, env, "KEPT=1")
	require.Contains(t, env, "AWS_ENDPOINT_URL="+Start(t).URL)
	for _, e := range env {
		require.False(t, strings.HasPrefix(e, "AWS_CA_BUNDLE") || strings.HasPrefix(e, "AWS_PROFILE"), e)
	}
}

func TestMetricsCanBeReadBack(t *testing.T) {
	s := Start(t)
	s.Reset(t)
	at := time.Now().Add(-time.Hour).UTC()
	put := func(name string, value float64, at time.Time, dimensions ...types.Dimension) {
		_, err := s.CloudWatch().PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
			Namespace: aws.String("NS"),
			MetricData: []types.MetricDatum{{
				MetricName: aws.String(name), Value: aws.Float64(value), Timestamp: aws.Time(at), Dimensions: dimensions,
			}},
		})
		require.NoError(t, err)
	}
	connection := types.Dimension{Name: aws.String("Connection"), Value: aws.String("A")}
	put("Days", 365, at)
	put("Days", 364, at)
	put("Days", 363.5, at.Add(5*time.Minute))
	put("Days", 7, at, connection)
	put("Heartbeat", 1, at)

	require.ElementsMatch(t, []Metric{
		{"Days", map[string]string{}}, {"Days", map[string]string{"Connection": "A"}}, {"Heartbeat", map[string]string{}},
	}, s.Metrics(t, "NS"))
	require.Empty(t, s.Metrics(t, "OTHER"))

	require.Equal(t, []float64{365, 364, 363.5}, s.Published(t, "NS", "Days"))
	require.Equal(t, []float64{1}, s.Published(t, "NS", "Heartbeat"))
	require.Empty(t, s.Published(t, "OTHER", "Days"))
	require.Equal(t, []float64{7}, s.Values(t, "NS", Metric{"Days", map[string]string{"Connection": "A"}}, "Sum", at, at))
	require.Equal(t, []float64{1}, s.Values(t, "NS", Metric{Name: "Heartbeat"}, "Sum", at, at))
	require.Empty(t, s.Values(t, "NS", Metric{Name: "Absent"}, "Sum", at, at))

	s.Reset(t)
	require.Empty(t, s.Metrics(t, "NS"))
	require.Empty(t, s.Published(t, "NS", "Days"))
	days := Metric{Name: "Days"}
	put("Days", 365, at)
	put("Days", 364, at)
	put("Days", 363.5, at.Add(5*time.Minute))
	require.Equal(t, []float64{364, 363.5}, s.Values(t, "NS", days, "Minimum", at, at.Add(5*time.Minute)))
	require.Equal(t, []float64{2, 1}, s.Values(t, "NS", days, "SampleCount", at, at.Add(5*time.Minute)))
	require.Equal(t, []float64{363.5}, s.Values(t, "NS", days, "Minimum", at.Add(5*time.Minute), at.Add(9*time.Minute)))
}
