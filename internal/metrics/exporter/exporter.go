// Package exporter shows Prometheus what the ticks of this process did.
//
// Its metrics are by connection, since Prometheus sums and compares by itself. What
// ends is shown as the time of its end. So it counts down between two ticks, and
// while no tick comes. deploy/prometheus has the alerts on them, which mean the
// same as the alarms on CloudWatch's metrics.
package exporter

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
)

var (
	family   = desc("family_expiry_timestamp_seconds", "When the token family ends, however well it is kept. A person consents again before.", "connection")
	inactive = desc("family_inactive_timestamp_seconds", "When the token family ends if it is not rotated before.", "connection")
	access   = desc("access_token_expiry_timestamp_seconds", "When the stored access token expires.", "connection")
	state    = desc("connection_state", "1 for the action that the last tick reported of a connection, 0 for all others.", "connection", "state")
	foreign  = desc("foreign_write", "1 if the last tick found something in REFRESH_TOKEN that is no newer token, or ACCESS_TOKEN written over.", "connection")
	siteLost = desc("site_lost", "1 if the access token does not reach the site of CLOUD_ID any more, by Atlassian's last answers.", "connection")
	rotated  = desc("rotations_total", "Rotations that were completed.", "connection")
	ticks    = desc("ticks_total", "Ticks that ended. A complete one served all connections.", "complete")
	complete = desc("last_complete_tick_timestamp_seconds", "When the last tick ended that served all connections.")
	duration = desc("last_tick_duration_seconds", "How long the last tick took.")
	started  = desc("start_timestamp_seconds", "When this process started.", "version")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tokenkeeper_"+name, help, labels, nil)
}

// Exporter remembers the last tick, and counts. Make one by New.
type Exporter struct {
	version  string
	started  time.Time
	registry *prometheus.Registry

	mu sync.Mutex
	// outcomes are the last tick's, which took so long.
	outcomes []keeper.Outcome
	took     time.Duration
	// ends are what is known of each connection, and when.
	ends map[string]ends
	// complete is when the last complete tick ended.
	complete  time.Time
	ticks     map[bool]float64
	rotations map[string]float64
}

// ends are the times at which parts of a connection end, by their description.
type ends map[*prometheus.Desc]float64

// states are the values of a connection's state.
var states = [...]keeper.Action{keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Restored, keeper.AwaitingConsent, keeper.Refused,
	keeper.Misconfigured, keeper.InDoubt, keeper.Contended, keeper.Failed, keeper.Postponed}

// New returns an Exporter for a process of that version which has just started, and
// which serves the connections.
func New(version string, started time.Time, connections ...string) *Exporter {
	e := &Exporter{version: version, started: started, registry: prometheus.NewRegistry(),
		ends: map[string]ends{}, ticks: map[bool]float64{true: 0, false: 0}, rotations: map[string]float64{}}
	for _, name := range connections {
		e.rotations[name] = 0 // so that the first one is an increase
	}
	e.registry.MustRegister(e, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return e
}

// Handler answers Prometheus's requests.
func (e *Exporter) Handler() http.Handler {
	return promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Observe takes the outcomes of a tick.
func (e *Exporter) Observe(began, ended time.Time, outcomes []keeper.Outcome) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.outcomes, e.took = outcomes, ended.Sub(began)
	postponed := slices.ContainsFunc(outcomes, func(o keeper.Outcome) bool { return o.Action == keeper.Postponed })
	e.ticks[!postponed]++
	if !postponed {
		e.complete = ended
	}
	for _, o := range outcomes {
		e.rotations[o.Connection] += one(o.Action == keeper.Rotated || o.Action == keeper.Replayed)
		e.note(o, ended)
	}
}

// note remembers when a connection's parts end. A tick that could not read them does
// not make them unknown.
func (e *Exporter) note(o keeper.Outcome, at time.Time) {
	if o.Action == keeper.AwaitingConsent || e.ends[o.Connection] == nil {
		e.ends[o.Connection] = ends{}
	}
	const day = 24 * 60 * 60
	for _, end := range []struct {
		*prometheus.Desc
		left *float64
		unit float64
	}{{family, o.FamilyDaysRemaining, day}, {inactive, o.InactivityDaysRemaining, day}, {access, o.AccessTokenSecondsRemaining, 1}} {
		if end.left != nil {
			e.ends[o.Connection][end.Desc] = seconds(at) + *end.left*end.unit
		}
	}
}

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{family, inactive, access, state, foreign, siteLost, rotated, ticks, complete, duration, started} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (e *Exporter) Collect(to chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(started, seconds(e.started), e.version)
	for whole, n := range e.ticks {
		count(ticks, n, map[bool]string{true: "true", false: "false"}[whole])
	}
	for connection, n := range e.rotations {
		count(rotated, n, connection)
	}
	if e.outcomes == nil {
		return // no tick has ended yet
	}
	gauge(duration, e.took.Seconds())
	if !e.complete.IsZero() {
		gauge(complete, seconds(e.complete))
	}
	for _, o := range e.outcomes {
		for d, at := range e.ends[o.Connection] {
			gauge(d, at, o.Connection)
		}
		shown := o.Action
		if o.Lost {
			shown = keeper.Refused
		}
		for _, a := range states {
			gauge(state, one(shown == a), o.Connection, string(a))
		}
		gauge(foreign, one(o.Foreign != ""), o.Connection)
		gauge(siteLost, one(o.SiteLost != ""), o.Connection)
	}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// seconds is a time as Prometheus writes it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
