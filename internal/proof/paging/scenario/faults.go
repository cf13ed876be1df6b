package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/alarm"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// inProcess is a transport to a handler in this process. The client on it is
// the real one: requests, answers and their classes are those of the network.
type inProcess struct{ handler http.Handler }

func newInProcess(h http.Handler) http.RoundTripper { return inProcess{h} }

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p == http.ErrAbortHandler {
			resp, err = nil, errors.New("the connection broke off")
		} else if p != nil {
			panic(p)
		}
	}()
	recorder := httptest.NewRecorder()
	t.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// exchangeTakes is how long a token request takes.
const exchangeTakes = 300 * time.Millisecond

// slowEndpoint is the token endpoint, at some distance.
type slowEndpoint struct{ *world }

// Refresh implements keeper.TokenEndpoint.
func (s slowEndpoint) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	s.clock.Advance(exchangeTakes)
	return s.client.Refresh(ctx, app, refresh)
}

// AccessibleResources implements keeper.SiteLister.
func (s slowEndpoint) AccessibleResources(ctx context.Context, access atlassian.Secret) ([]atlassian.Resource, error) {
	s.clock.Advance(exchangeTakes)
	s.askedForSites = s.clock.Now()
	return s.client.AccessibleResources(ctx, access)
}

// storeTimeout is how long a call takes that the store does not answer.
const storeTimeout = 2 * time.Second

var errStoreDown = errors.New("the store does not answer")

// faultyStore is the store as the refresher reaches it.
type faultyStore struct{ *world }

// fault is the error of a call about names; nil if it goes well.
func (s faultyStore) fault() error {
	switch {
	case s.storeDown:
		s.clock.Advance(storeTimeout)
		return errStoreDown
	case s.keyDisabled:
		// Every call of a tick but those about the lock is about secrets, too.
		return fmt.Errorf("the key is disabled: %w", store.ErrDenied)
	}
	return nil
}

// Read implements store.Store.
func (s faultyStore) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	if err := s.fault(); err != nil {
		return nil, err
	}
	return s.store.Read(ctx, names...)
}

// History implements store.Store.
func (s faultyStore) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	if err := s.fault(); err != nil {
		return nil, err
	}
	return s.store.History(ctx, name, from)
}

// Create implements store.Store.
func (s faultyStore) Create(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	if err := s.fault(); err != nil {
		return 0, err
	}
	return s.store.Create(ctx, name, value, kind)
}

// Write implements store.Store.
func (s faultyStore) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	if err := s.fault(); err != nil {
		return 0, err
	}
	return s.store.Write(ctx, name, value, kind)
}

// Delete implements store.Store.
func (s faultyStore) Delete(ctx context.Context, name string) error {
	if err := s.fault(); err != nil {
		return err
	}
	return s.store.Delete(ctx, name)
}

// sink is PutMetricData: into the samples that the alarms look at.
type sink struct{ *world }

// Publish implements metrics.Sink.
func (s sink) Publish(_ context.Context, at time.Time, ms []metrics.Metric) error {
	if s.metricsRefused {
		return errors.New("PutMetricData: access denied")
	}
	now := s.clock.Now()
	for _, m := range ms {
		dimensions := ""
		if m.Connection != "" {
			dimensions = alarm.DimensionsOf(map[string]string{"Connection": m.Connection})
		} else if m.Name == metrics.FamilyDaysRemaining {
			s.countdown.note(now, m.Value)
		}
		s.evaluator.Samples().Put(alarm.Metric{Namespace: s.namespace, Name: m.Name, Dimensions: dimensions}, at, m.Value, now.Add(ownIngestion))
	}
	return nil
}
