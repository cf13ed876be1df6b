package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// With too little time left for a token request nothing is announced either:
// the token would be in doubt, and nobody had presented it.
func TestNothingIsAnnouncedWithoutTime(t *testing.T) {
	w := due(t)
	w.limit = 30 * time.Second
	require.Contains(t, w.want(keeper.Failed).Reason, "time-out")
	require.Zero(t, w.writes(names.Ledger))
	w.limit = 2 * time.Minute
	w.want(keeper.Rotated)
}

// A process is paused between its intent and its request. Then the leeway is over,
// or psoxy's lock, which is older than the intent, has expired.
func TestAPauseBeforeTheRequest(t *testing.T) {
	t.Run("at the end of the leeway", func(t *testing.T) {
		w := due(t)
		w.after = crashing("post")
		w.tick()
		w.clock.Advance(8*time.Minute + 50*time.Second)
		w.ops, w.after = nil, atFirst("write TOKEN_LEDGER", func() { w.clock.Advance(65 * time.Second) })
		w.want(keeper.InDoubt)
		require.Zero(t, w.spends())
	})
	t.Run("at the end of psoxy's lock", func(t *testing.T) {
		for pause, spends := range map[time.Duration]int{76 * time.Second: 1, 78 * time.Second: 0} {
			w := shared(t)
			w.limit = 5 * time.Minute
			w.after = atFirst("write TOKEN_LEDGER", func() { w.clock.Advance(pause) })
			w.tick()
			require.Equal(t, spends, w.spends(), pause)
		}
	})
}

// A lock that was held for so long may be another's by now.
func TestALockThatIsNotSurelyOursIsLeft(t *testing.T) {
	for pause, left := range map[time.Duration]bool{100 * time.Second: false, 110 * time.Second: true} {
		w := shared(t)
		w.after = atFirst("post", func() { w.clock.Advance(pause) })
		w.want(keeper.Rotated)
		require.Equal(t, left, w.get(names.Lock).Version > 0, pause)
	}
}

// A pair counts from the beginning of its request, however slow the answer is.
func TestASlowAnswer(t *testing.T) {
	w := due(t)
	begun := w.clock.Now()
	w.after = atFirst("post", func() { w.clock.Advance(15 * time.Second) })
	w.want(keeper.Rotated)
	record := w.ledger().Record
	require.Equal(t, begun, record.RotatedAt)
	require.Equal(t, begun.Add(time.Hour), record.AccessExpiresAt)
}

// A doubt counts from its intent, also where the store does not tell when it
// wrote that.
func TestADoubtIsDatedByItsIntent(t *testing.T) {
	w := due(t)
	begun := w.clock.Now()
	w.inject(atlassiantest.After, 502, 3)
	w.before = func(_ int, op string) error {
		if op == "read" && w.spends() > 0 {
			return errFault
		}
		return nil
	}
	out := w.want(keeper.InDoubt)
	require.True(t, out.Urgent, "its leeway has begun to run")
	require.Greater(t, w.clock.Now().Sub(begun), 5*time.Second, "for the attempts")
	require.Equal(t, begun, w.ledger().Intent.First)
}

// A request that did not arrive is sent again under the same intent.
func TestARequestThatDoesNotArrive(t *testing.T) {
	w := due(t)
	dials := 0
	w.client.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials++; dials <= 2 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errFault}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}}
	w.want(keeper.Rotated)
	require.Equal(t, 3, w.spends())
	w.requireKept()
}

// faultyToken fails in a way of its own.
type faultyToken struct{}

func (faultyToken) Refresh(context.Context, atlassian.App, atlassian.Secret) (atlassian.Token, error) {
	return atlassian.Token{}, errors.New("nobody knows")
}

// An error of another kind says nothing of what was done.
func TestAnUnknownErrorIsADoubt(t *testing.T) {
	w := due(t)
	w.keeper.Token = faultyToken{}
	w.want(keeper.InDoubt)
	require.NotNil(t, w.ledger().Intent)
}

// A refusal counts only where it can be written on top of the intent.
func TestARefusalThatCannotBeWrittenDown(t *testing.T) {
	w := due(t)
	require.NoError(t, w.em.RevokeGrant(w.fix.Account.ID, w.fix.App.ClientID))
	w.before = func(_ int, op string) error {
		if op == "write TOKEN_LEDGER" && w.spends() > 0 {
			return errFault
		}
		return nil
	}
	w.want(keeper.Failed)
}

// A token whose answer was lost is refused: inside the leeway that settles
// nothing, and another replay brings its successor.
func TestARefusalInsideTheLeeway(t *testing.T) {
	w := due(t)
	w.inject(atlassiantest.After, 502, 3)
	w.want(keeper.InDoubt)
	w.clock.Advance(2 * time.Minute)
	w.answer(403, "invalid_grant", 3)
	w.want(keeper.InDoubt)
	w.clock.Advance(2 * time.Minute)
	w.answer(403, "invalid_grant", 2) // and once more in the same tick
	w.want(keeper.Replayed)
	w.requireKept()
}

// If neither TOKEN_FAMILY nor its history can be read, the age of the family is not
// known, and no ledger is begun.
func TestAnAgeThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.unreadable = map[string]error{names.Family: errPolicy}
	require.Contains(t, w.want(keeper.Misconfigured).Reason, "how old")
	require.Zero(t, w.writes(names.Ledger))
	w.unreadable = nil
	w.want(keeper.Rotated)
}

// The history of REFRESH_TOKEN lacks its newest version for a moment. It is read
// again, and what a person stored there is in use after this tick.
func TestAStaleHistoryIsReadAgain(t *testing.T) {
	w := settledWorld(t)
	w.restartWith(&staleStore{Store: w.store(), histories: 2, behind: 1})
	w.clock.Advance(time.Minute)
	w.consent()
	require.Equal(t, 1, w.want(keeper.Rotated).Generation)
	w.requireKept()
}

// A consent's process dies when its app is published, and before that is written
// down. From then on the parameters are what people correct.
func TestAPublishedAppIsTheParameters(t *testing.T) {
	for _, ticked := range []bool{false, true} {
		t.Run(fmt.Sprintf("a tick looks before they are corrected: %v", ticked), func(t *testing.T) {
			w := settledWorld(t)
			writes := 0
			w.before = func(_ int, op string) error {
				if op == "write TOKEN_LEDGER" {
					if writes++; writes == 3 { // the announcement, the consent, and that its app is published
						panic(crash{})
					}
				}
				return nil
			}
			w.dying(func() {
				_, _ = w.consentBy(w.keeper, func(ctx context.Context, s family.Snapshot) (keeper.Grant, error) {
					g, err := w.obtain(ctx, s)
					g.App = atlassian.App{ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret}
					return g, err
				})
			})
			require.Equal(t, 3, writes)
			require.NotNil(t, w.ledger().App)
			w.before = nil
			w.clock.Advance(40 * time.Minute)
			if ticked {
				w.want(keeper.Rotated)
				require.Nil(t, w.ledger().App)
			}
			secret, err := w.em.RotateClientSecret(w.fix.App.ClientID)
			require.NoError(t, err)
			w.put(names.ClientSecret, secret.Reveal())
			w.clock.Advance(40 * time.Minute)
			w.want(keeper.Rotated)
		})
	}
}

// Ticks of one process for one connection wait for each other.
func TestTicksOfOneProcess(t *testing.T) {
	w := due(t)
	k := w.other("one process")
	posts := w.posts()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			k.Tick(context.Background(), family.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
		})
	}
	wait.Wait()
	require.Equal(t, 1, w.posts()-posts)
	w.requireKept()
}

func TestUnfinishedActions(t *testing.T) {
	for action, unfinished := range map[keeper.Action]bool{
		keeper.Contended: true, keeper.InDoubt: true, keeper.Failed: true, keeper.Misconfigured: true,
		keeper.Idle: false, keeper.Rotated: false, keeper.Replayed: false, keeper.Restored: false, keeper.AwaitingConsent: false, keeper.Refused: false, keeper.Postponed: false,
	} {
		require.Equal(t, unfinished, action.Unfinished(), action)
	}
}
