package bench

import (
	"os"
	"slices"
	"testing"
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

// BenchmarkProcess starts the refresher and a bare handler in turns. Its
// metrics are the binaries' sizes (MB), the medians of the time from exec to the
// first request for an event (ms) and of the resident memory then (MiB), and
// the refresher's multiple of the bare handler's.
func BenchmarkProcess(b *testing.B) {
	bare, err := lambdaruntime.Build(b.Context(), b.TempDir(), "./testdata/bare")
	require.NoError(b, err)
	contenders := []*contender{{name: "refresher", path: world.Binary(b)}, {name: "bare", path: bare}}
	for _, c := range contenders {
		info, err := os.Stat(c.path)
		require.NoError(b, err)
		c.size = float64(info.Size()) / 1e6
		c.run(b) // once unmeasured, to have the file in memory
	}
	for b.Loop() {
		for _, c := range contenders {
			res := c.run(b)
			c.start = append(c.start, float64(res.Init.Microseconds())/1e3)
			c.rss = append(c.rss, float64(res.InitRSS)/(1<<20))
		}
	}
	for _, quantity := range []struct {
		unit string
		of   func(*contender) float64
	}{
		{"MB", func(c *contender) float64 { return c.size }},
		{"start-ms", func(c *contender) float64 { return median(c.start) }},
		{"RSS-MiB", func(c *contender) float64 { return median(c.rss) }},
	} {
		for _, c := range contenders {
			b.ReportMetric(quantity.of(c), c.name+"-"+quantity.unit)
		}
		b.ReportMetric(quantity.of(contenders[0])/quantity.of(contenders[1]), quantity.unit+"-ratio")
	}
}

// run starts a process, gives it an event that costs nothing, and ends it. The
// refresher refuses the event, the bare handler echoes it.
func (c *contender) run(b *testing.B) lambdaruntime.Result {
	f, err := lambdaruntime.New(lambdaruntime.Config{Binary: c.path, Env: map[string]string{
		"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true"}})
	require.NoError(b, err)
	defer f.Close()
	res, err := f.Invoke(b.Context(), []byte(`{"action":"none"}`), 10*time.Second)
	require.NoError(b, err)
	require.True(b, res.Cold)
	require.False(b, res.Exited)
	return res
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
