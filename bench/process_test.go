package bench

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/e2e/world"
	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
)

func TestMain(m *testing.M) {
	code := m.Run()
	world.Cleanup()
	os.Exit(code)
}

// contender is one of the binaries that are compared.
type contender struct {
	name, path string
	start, rss []float64
	size       float64
}

// BenchmarkProcess starts the refresher and three floors in turns: a bare handler,
// one that makes the SDK's two clients and nothing else, and one that makes them
// without the SDK's loader of configurations. It logs a table: the binaries' sizes
// (MB), the median time from exec to the first request for an event (ms), and the
// median resident memory at that moment (MiB). Its metrics are the refresher's start
// and its multiples of the floors.
func BenchmarkProcess(b *testing.B) {
	refresher := &contender{name: "refresher", path: world.Binary(b)}
	table := []*contender{floor(b, "bare"), floor(b, "sdk"), floor(b, "byhand"), refresher}
	contenders := slices.Clone(table)
	for _, c := range contenders {
		info, err := os.Stat(c.path)
		require.NoError(b, err)
		c.size = float64(info.Size()) / 1e6
		cold(b, c.path) // once unmeasured, to have the file in memory
	}
	for b.Loop() {
		// In a new order each time: what ran before leaves its mark on the machine.
		rand.Shuffle(len(contenders), func(i, j int) { contenders[i], contenders[j] = contenders[j], contenders[i] })
		for _, c := range contenders {
			res := cold(b, c.path)
			c.start = append(c.start, float64(res.Init.Microseconds())/1e3)
			c.rss = append(c.rss, float64(res.InitRSS)/(1<<20))
		}
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nprocess\tMB\tstart ms\tRSS MiB\t")
	for _, c := range table {
		fmt.Fprintf(w, "%s\t%.1f\t%.2f\t%.1f\t\n", c.name, c.size, median(c.start), median(c.rss))
		if c != refresher {
			b.ReportMetric(median(refresher.start)/median(c.start), "start/"+c.name)
		}
	}
	require.NoError(b, w.Flush())
	b.Log(text.String())
	b.ReportMetric(median(refresher.start), "start-ms")
	b.ReportMetric(0, "ns/op") // all three together, which says nothing
}

// floor builds a handler of testdata.
func floor(b *testing.B, name string) *contender {
	path, err := lambdaruntime.Build(b.Context(), b.TempDir(), "./testdata/"+name)
	require.NoError(b, err)
	return &contender{name: name, path: path}
}

// cold starts a process, gives it an event that costs nothing, and ends it. The
// refresher refuses the event, the floors echo it.
func cold(t testing.TB, path string, variables ...string) lambdaruntime.Result {
	t.Helper()
	env := map[string]string{"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-west-1"}
	for _, pair := range variables {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	f, err := lambdaruntime.New(lambdaruntime.Config{Binary: path, Env: env})
	require.NoError(t, err)
	defer f.Close()
	res, err := f.Invoke(t.Context(), []byte(`{"action":"none"}`), 10*time.Second)
	require.NoError(t, err)
	require.True(t, res.Cold)
	require.False(t, res.Exited)
	return res
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
