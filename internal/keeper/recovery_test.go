package keeper_test

import (
	"context"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// fleetOf is the function's tick: it goes round again while one is urgent.
func fleetOf(w *world) func() keeper.Outcome {
	f := fleet.Fleet{Keeper: w.keeper, Connections: []family.Connection{{Name: conn, Policy: w.policy}}, Now: w.clock.Now,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) }, Parallel: 1}
	return func() keeper.Outcome {
		begun := w.clock.Now()
		r, _ := f.Tick(invocation{context.Background(), begun.Add(w.limit)}, slog.New(slog.DiscardHandler))
		w.clock.Set(begun.Add(2 * time.Minute))
		return r.Connections[0]
	}
}

// After an outage of half an hour a gateway answers, and says to wait, or that a person has to
// act. The token is long in doubt, so nothing is gained by a request at every tick.
func TestAfterALongOutage(t *testing.T) {
	for name, c := range map[string]struct {
		status, most int
		retryAfter   string
		lasting      time.Duration
	}{
		"a rate limit that names a time": {429, 6, "1200", 20 * time.Minute},
		"a rate limit without a time":    {429, 16, "", time.Hour},
		"a rotated secret":               {401, 60, "", 24 * time.Hour},
		"a path that is gone":            {404, 60, "", 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			w := due(t)
			w.inject(atlassiantest.Before, 503, 0)
			everyTwoMinutes(w, 30*time.Minute)
			w.em.ClearFaults()
			s := w.answer(c.status, "", 100000)
			if c.retryAfter != "" {
				s.header = http.Header{"Retry-After": {c.retryAfter}}
			}
			everyTwoMinutes(w, c.lasting)
			require.LessOrEqual(t, s.asked, c.most)
			w.client.HTTPClient = nil
			everyTwoMinutes(w, time.Hour+10*time.Minute)
			w.requireKept()
		})
	}
}

// waits answers the first request with 502, though it is committed, and so many more with a
// status and a wait in seconds. It counts them.
func waits(status, times int, seconds string, asked *int) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if *asked++; *asked > 1+times {
			return http.DefaultTransport.RoundTrip(r)
		}
		if *asked > 1 {
			resp := answer(r, status, []byte("{}"))
			resp.Header.Set("Retry-After", seconds)
			return resp, nil
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		return answer(r, 502, nil), resp.Body.Close()
	}
}

// Within the leeway no wait is obeyed for longer than a round: what fails after it would lose
// the successor.
func TestAWaitWithinTheLeeway(t *testing.T) {
	for _, seconds := range []string{"60", "540"} {
		w, asked := due(t), 0
		w.client.HTTPClient = &http.Client{Transport: waits(429, 3, seconds, &asked)}
		fleetOf(w)()
		w.requireKept(seconds)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Atlassian has refused a family for days. What a probe meets, and says nothing of the token,
// does not end the page.
func TestALostFamilyStaysLost(t *testing.T) {
	for name, strike := range map[string]func(*world){
		"the network": func(w *world) { w.client.AuthURL = "http://127.0.0.1:1" },
		"429":         func(w *world) { w.answer(429, "", 1) },
		"401":         func(w *world) { w.answer(401, "", 1) },
		"404":         func(w *world) { w.answer(404, "", 1) },
		"503":         func(w *world) { w.answer(503, "", 100) },
	} {
		t.Run(name, func(t *testing.T) {
			w := due(t)
			require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
			w.ticks(2*24*12, keeper.Refused)
			strike(w)
			for range 80 {
				w.clock.Advance(5 * time.Minute)
				out, _ := w.tick()
				require.Contains(t, metrics.Of([]keeper.Outcome{out}, 1), metrics.Metric{Name: metrics.ConsentNeeded, Value: 1, Unit: metrics.Count}, out.Reason)
				require.NotContains(t, out.Reason, "valid")
			}
		})
	}
}

// The clock of a server whose store is a directory was ahead, and is set right.
func TestTheStoresClockIsSetBack(t *testing.T) {
	t.Run("after a rotation", func(t *testing.T) {
		w := settledWorld(t)
		w.clock.Advance(2 * time.Hour)
		w.want(keeper.Rotated)
		w.clock.Advance(-2 * time.Hour)
		w.want(keeper.Rotated)
		w.clock.Advance(5 * time.Minute)
		w.want(keeper.Idle)
	})
	t.Run("after a spend", func(t *testing.T) {
		w := settledWorld(t)
		w.clock.Advance(2 * time.Hour)
		w.after = crashing("post")
		w.tick()
		w.after = nil
		w.clock.Advance(-2 * time.Hour)
		w.want(keeper.Replayed)
	})
}

// Atlassian, or what inspects its answers, is slow. Each answer holds the successor.
func TestSlowAnswers(t *testing.T) {
	const takes = 25 * time.Second
	w := due(t)
	slow := w.clock.Now().Add(15 * time.Minute)
	client := w.client
	w.keeper = keeper.New(keeper.Config{Store: w.store(), Now: w.clock.Now, Process: "p", Together: inTurn,
		Sleep: func(_ context.Context, d time.Duration) { w.clock.Advance(d) },
		Token: endpoint(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
			token, err := client.Refresh(context.Background(), app, refresh) // it is committed
			deadline, _ := ctx.Deadline()
			if left := time.Until(deadline); w.clock.Now().Before(slow) && left < takes {
				w.clock.Advance(left.Round(time.Second))
				return atlassian.Token{}, &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Sent: true, Err: context.DeadlineExceeded}
			}
			w.clock.Advance(takes)
			return token, err
		})})
	tick := fleetOf(w)
	for range 12 {
		tick()
	}
	w.requireKept()
}

type endpoint func(context.Context, atlassian.App, atlassian.Secret) (atlassian.Token, error)

func (e endpoint) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	return e(ctx, app, refresh)
}

// A family is lost, and a person stores a new consent's token, as the runbook says. The answer to
// the first request is lost, and Atlassian is away for some seconds more. Its leeway has begun
// to run: the tick tries again after some seconds, as for any token in doubt.
func TestTheNewTokenOfALostFamilyIsUrgent(t *testing.T) {
	w := due(t)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.ticks(24, keeper.Refused)
	fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(names.RefreshToken, fresh.Refresh.Reveal())
	asked := 0
	w.client.HTTPClient = &http.Client{Transport: waits(503, 3, "", &asked)}
	out := fleetOf(w)()
	require.True(t, out.Action.Healthy(), "%s: %s", out.Action, out.Reason)
	w.requireKept()
}

// As above, and the successor cannot be saved for a while: it is held in memory only. The report
// must not be one that nobody repeats.
func TestAHeldPairOfALostFamilyIsUnfinished(t *testing.T) {
	w := due(t)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.ticks(24, keeper.Refused)
	fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
	require.NoError(t, err)
	w.put(names.RefreshToken, fresh.Refresh.Reveal())
	w.after = atFirst("post", func() { w.unwritable = map[string]error{names.Ledger: context.DeadlineExceeded} })
	out, _ := w.tick()
	require.True(t, out.Action.Unfinished(), "%s: %s", out.Action, out.Reason)
}

// A connection was set up with another app's id, under which Atlassian refuses a living token as
// if it were dead. After two hours a person stores the right app. Of the first attempt under it a
// rate limit says nothing.
func TestTheRightAppAfterALoss(t *testing.T) {
	w := newWorld(t)
	w.consent()
	storeAnotherApp(w)
	w.ticks(24)
	require.True(t, w.ledger().Record.Refused())
	storeTheApp(w)
	w.answer(429, "", 1)
	w.ticks(3)
	w.requireKept()
}

// Atlassian has refused a good token for seven hours. The probe after that meets a rate limit,
// and the next one comes an hour later, not six.
func TestARateLimitedProbe(t *testing.T) {
	w := due(t)
	w.answer(403, "unauthorized_client", 1e9)
	w.ticks(7 * 12)
	w.answer(429, "", 1) // for the next one
	for range 12 * 7 {
		w.ticks(1)
		if w.ledger().Record.LastFailure == nil {
			break
		}
		if s := w.client.HTTPClient.Transport.(*script); s.asked > 0 {
			w.ticks(14) // an hour
			break
		}
	}
	w.requireKept()
}

// What the ledger dates in the future counts for nothing: also a refused candidate that would be
// asked about once more before the own token.
func TestARefusedCandidateBeforeTheClockIsSetBack(t *testing.T) {
	w := settledWorld(t)
	w.clock.Advance(2 * time.Hour)
	w.want(keeper.Rotated)
	w.clock.Advance(5 * time.Minute)
	w.put(names.RefreshToken, "0paque-T0ken-0f-nobody-4711-0815")
	w.tick()
	w.clock.Advance(-2 * time.Hour)
	w.ticks(3)
	require.WithinDuration(t, w.clock.Now(), w.ledger().Record.RotatedAt, 20*time.Minute)
}

// Retry-After does not outlive an access token of unknown life, nor one that consumers do not
// find.
func TestAWaitWithoutAnAccessToken(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T) *world{
		"adopted, and 50 minutes old": func(t *testing.T) *world {
			w := newWorld(t)
			w.consent()
			w.clock.Advance(50 * time.Minute)
			return w
		},
		"not filled in": func(t *testing.T) *world {
			w := newWorld(t)
			w.consent()
			w.put(names.AccessToken, "fill me")
			return w
		},
		"deleted": func(t *testing.T) *world {
			w := settledWorld(t)
			w.restart()
			w.clock.Advance(5 * time.Minute)
			w.remove(names.AccessToken)
			return w
		},
		"written over": func(t *testing.T) *world {
			w := settledWorld(t)
			w.restart()
			w.clock.Advance(5 * time.Minute)
			w.put(names.AccessToken, "CHANGE_ME")
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := prepare(t)
			s := w.answer(429, "", 1)
			s.header = http.Header{"Retry-After": {"3600"}}
			w.tick()
			require.Equal(t, 1, s.asked)
			require.LessOrEqual(t, served(w, time.Hour), 16*time.Minute)
		})
	}
}

// A rate limit that names no time, or a short one, is met ever more rarely.
func TestARateLimitForADay(t *testing.T) {
	for _, wait := range []string{"", "0", "soon", "60"} {
		w := due(t)
		s := w.answer(429, "", 1<<30)
		s.header = http.Header{"Retry-After": {wait}}
		everyTwoMinutes(w, 24*time.Hour)
		require.Less(t, s.asked, 450, wait)
	}
}

// A family is lost, and then Atlassian limits the rate for a day and asks for an hour's pause. A
// probe of a lost family comes every six hours; a rate limit must not make that one per tick.
func TestARateLimitOfALostFamily(t *testing.T) {
	w := due(t)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.ticks(24, keeper.Refused)
	s := w.answer(429, "", 1<<30)
	s.header = http.Header{"Retry-After": {"3600"}}
	everyTwoMinutes(w, 24*time.Hour)
	require.Less(t, s.asked, 60)
}
