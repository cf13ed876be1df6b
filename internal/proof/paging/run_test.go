package paging

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/scenario"
)

// promptly is how soon a cause must be reported once it can be known.
const promptly = 15 * time.Minute

// outcome is a run of a scenario as it stands in the documentation.
type outcome struct {
	scenario.Scenario
	scenario.Result
}

// results runs every scenario once for all tests, two at a time.
var results = sync.OnceValues(func() ([]outcome, error) {
	all := scenario.All()
	outcomes, errs := make([]outcome, len(all)), make([]error, len(all))
	slots := make(chan struct{}, 2)
	var wait sync.WaitGroup
	for i, sc := range all {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			outcomes[i].Scenario = sc
			outcomes[i].Result, errs[i] = scenario.Run(tokenkeeper.Template, sc, scenario.Options{})
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return outcomes, nil
})

func resultOf(t *testing.T, name string) scenario.Result {
	t.Helper()
	all, err := results()
	require.NoError(t, err)
	for _, o := range all {
		if o.Name == name {
			return o.Result
		}
	}
	require.Fail(t, "no scenario "+name)
	return scenario.Result{}
}

// sounded are the alarms that sounded, with their urgency and day, in order.
func sounded(r scenario.Result) (list []notice) {
	for _, p := range r.Pages {
		if p.State == alarm.InAlarm {
			list = append(list, notice{p.Alarm, p.Urgency, float64(int(float64(p.Day)*10)) / 10})
		}
	}
	return list
}

type notice struct {
	alarm, urgency string
	day            float64
}
