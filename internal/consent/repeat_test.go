package consent_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Many processes complete one consent. One of them uses the code. The others are
// refused, or get the same result.
func TestExactlyOneCompletionWins(t *testing.T) {
	w := newWorld(t)
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	var won atomic.Int32
	var wait sync.WaitGroup
	for i := range 8 {
		c := w.config
		c.Keeper = keeper.New(keeper.Config{Store: w.mem, Now: w.clock.Now, Process: "p" + strconv.Itoa(i),
			Sleep: func(context.Context, time.Duration) { time.Sleep(time.Millisecond) }})
		service := consent.New(c)
		wait.Go(func() {
			if _, err := service.Complete(context.Background(), request); err == nil {
				won.Add(1)
			}
		})
	}
	wait.Wait()
	require.NotZero(t, won.Load())
	require.Len(t, w.em.Families(), 1)
	w.requireLive("")
	before := w.contents(connA)
	done, err := w.complete(request)
	require.NoError(t, err)
	require.Equal(t, w.fix.Site.CloudID, done.CloudID)
	require.Equal(t, before, w.contents(connA))
}

// A repeated request gets the same result as long as the family is in use, and
// changes nothing.
func TestARepeatedRequestIsAnswered(t *testing.T) {
	w := newWorld(t)
	request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	first, err := w.complete(request)
	require.NoError(t, err)
	first.Sites[0].Name = "" // a repetition does not know it
	for range 3 {
		w.clock.Advance(40 * time.Minute)
		require.Equal(t, keeper.Rotated, w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log).Action)
		w.restart()
		before := w.contents(connA)
		again, err := w.complete(request)
		require.NoError(t, err)
		require.Equal(t, first, again)
		require.Equal(t, before, w.contents(connA))
	}
	w.consented(connA)
	before := w.contents(connA)
	_, err = w.complete(request)
	w.refused(consent.ConsentExpired, err, connA, before)
}

// Tokens that stayed in CONSENT_TOKENS, because it could not be deleted, are never
// used again.
func TestLeftoversAreNotUsedAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		lost []string
		want consent.ErrorType
	}{
		{"nothing lost", nil, ""},
		{"the record deleted", []string{namesA.Family}, ""},
		{"the ledger deleted", []string{namesA.Ledger}, ""},
		{"ledger and record deleted", []string{namesA.Ledger, namesA.Family}, consent.ConsentExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
			w.mem.strike = func(op, name string) error {
				if op == "delete" && name == namesA.ConsentTokens {
					return errors.New("the store did not answer")
				}
				return nil
			}
			_, err := w.complete(request)
			require.NoError(t, err)
			w.mem.strike = nil
			require.NotEmpty(t, w.get(namesA.ConsentTokens))
			w.clock.Advance(40 * time.Minute)
			out := w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log)
			require.Equal(t, keeper.Rotated, out.Action, out.Reason)
			w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log) // publishes TOKEN_FAMILY
			for _, name := range c.lost {
				require.NoError(t, w.mem.Delete(context.Background(), name))
			}
			w.refresher().Tick(context.Background(), w.config.Connections[0], w.config.Log)
			before := w.contents(connA)
			w.restart()
			status, err := w.service.Status(context.Background(), consent.StatusRequest{Connection: connA})
			require.NoError(t, err)
			require.Nil(t, status.Connections[0].Waiting)
			if _, err = w.complete(request); c.want == "" {
				require.NoError(t, err)
				require.Equal(t, before, w.contents(connA))
			} else {
				w.refused(c.want, err, connA, before)
			}
			w.requireLive("")
			w.begin(connA)
			require.Empty(t, w.get(namesA.ConsentTokens))
		})
	}
}

// The function dies before it deletes CONSENT_TOKENS, and the tokens are rotated. Then
// the ledger is deleted, and the request is repeated before a tick has begun it anew.
func TestLeftoversBesideADeletedLedger(t *testing.T) {
	for _, c := range []struct {
		lost []string
		want consent.ErrorType
	}{
		{[]string{namesA.Ledger}, ""},
		{[]string{namesA.Ledger, namesA.Family}, consent.ConsentExpired},
	} {
		for _, age := range []time.Duration{2 * time.Minute, 7 * time.Minute} {
			t.Run(strings.Join(c.lost, " and ")+" after "+age.String(), func(t *testing.T) {
				w := newWorld(t)
				request := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
				w.mem.strike = func(op, name string) error {
					if op == "delete" && name == namesA.ConsentTokens {
						panic(crash{})
					}
					return nil
				}
				_, err := w.attempt(request)
				require.Error(t, err)
				w.mem.strike = nil
				w.clock.Advance(40 * time.Minute)
				require.Equal(t, keeper.Rotated, w.tick(w.refresher()).Action)
				w.clock.Advance(age)
				for _, name := range c.lost {
					require.NoError(t, w.mem.Delete(context.Background(), name))
				}
				w.restart()
				before := w.contents(connA)
				if _, err = w.complete(request); c.want == "" {
					require.NoError(t, err)
					require.Equal(t, before, w.contents(connA))
				} else {
					w.refused(c.want, err, connA, before)
				}
				refresher := w.refresher()
				for range 12 {
					w.clock.Advance(5 * time.Minute)
					w.tick(refresher)
				}
				w.requireLive("an hour later")
			})
		}
	}
}

// A consent that was completed after another's tokens began to wait has taken
// their place.
func TestWaitingTokensOfAnOlderConsent(t *testing.T) {
	w := newWorld(t)
	older := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, func(r *atlassiantest.ConsentRequest) {
		r.Scopes = []string{"offline_access", "read:jira-work"}
	})}
	_, err := w.complete(older)
	w.refused(consent.ScopesMissing, err, connA, w.contents(connA))
	w.clock.Advance(time.Minute)
	w.mem.strike = func(op, name string) error {
		if name == namesA.ConsentTokens {
			return errors.New("the store did not answer")
		}
		return nil
	}
	w.consented(connA)
	w.mem.strike = nil
	before := w.contents(connA)
	older.Confirm = true
	_, err = w.complete(older)
	w.refused(consent.ConsentExpired, err, connA, before)
	require.Empty(t, w.get(namesA.ConsentTokens))
}

// Another consent's tokens wait for a decision while a consent ends, or while the page of
// one that has ended is loaded again. They go on waiting.
func TestTokensOfAnotherConsentGoOnWaiting(t *testing.T) {
	t.Run("a page is loaded again", func(t *testing.T) {
		w := newWorld(t)
		w.kills()
		first := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
		_, err := w.complete(first)
		require.NoError(t, err)
		w.clock.Advance(time.Minute)
		second := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, few)}
		_, err = w.complete(second)
		w.refusedType(consent.ScopesMissing, err)
		_, err = w.complete(first)
		require.NoError(t, err)
		second.Confirm = true
		_, err = w.complete(second)
		require.NoError(t, err)
		w.requireLive("")
	})
	for _, c := range []struct {
		name string
		// after: the newer consent comes after these calls of the older one.
		after  []string
		change func(*atlassiantest.ConsentRequest)
		// spares: the newer consent does not end the older one's tokens.
		spares bool
		want   consent.ErrorType
		// remembers: the decision comes to the process that received the newer tokens.
		remembers bool
	}{
		{"an older consent is put in use", []string{"resources"}, nil, false, "", false},
		{"an older consent needs a decision", []string{"resources"}, few, false, consent.ConsentExpired, false},
		{"an older consent's tokens arrive late", []string{"exchange"}, nil, true, "", false},
		{"an older consent's tokens arrive too late", []string{"exchange"}, nil, false, consent.ConsentExpired, false},
		{"an older consent is about to delete its own", []string{"write TOKEN_FAMILY", "read"}, nil, false, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if !c.spares {
				w.kills()
			}
			w.consented(connA)
			older := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, c.change)}
			slow := w.stepped("slow")
			service := w.service
			var newer consent.CompleteRequest
			slow.after = func(n int) error {
				if before := n + 1 - len(c.after); before >= 0 && slices.Equal(slow.ops[before:], c.after) {
					slow.after = nil
					w.clock.Advance(time.Second)
					w.stepped("quick")
					newer = consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL, few)}
					_, err := w.complete(newer)
					w.refusedType(consent.ScopesMissing, err)
				}
				return nil
			}
			if _, err := service.Complete(context.Background(), older); c.want == "" {
				require.NoError(t, err)
			} else {
				w.refusedType(c.want, err)
			}
			require.Nil(t, slow.after)
			if !c.remembers {
				w.restart()
			}
			newer.Confirm = true
			_, err := w.complete(newer)
			require.NoError(t, err)
			w.requireLive("")
		})
	}
}

// The first exchange meets a 503. In the pause another person's consent is completed, and
// then Atlassian grants the first one: it is the newer, and stays.
func TestTheConsentThatIsGrantedLastStays(t *testing.T) {
	w := newWorld(t)
	w.kills()
	w.consented(connA)
	first := consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)}
	slow := w.stepped("slow")
	service := w.service
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503, Times: 1}))
	slow.sleep = func(d time.Duration) {
		slow.sleep = func(d time.Duration) { w.clock.Advance(d) }
		w.clock.Advance(d)
		w.stepped("quick")
		w.consented(connA)
	}
	_, err := service.Complete(context.Background(), first)
	require.NoError(t, err)
	w.requireLive("")
}

// Tokens wait, and the person goes back to Atlassian's page. What is answered there is not
// a decision about them.
func TestTheBackButtonWhileTokensWait(t *testing.T) {
	for _, c := range []struct {
		name string
		back func(w *world, authorizeURL string) atlassian.Secret
		want consent.ErrorType
	}{
		{"cancels", func(w *world, authorizeURL string) atlassian.Secret {
			u, err := url.Parse(authorizeURL)
			require.NoError(w.t, err)
			return atlassian.NewSecret("http://localhost/?error=access_denied&state=" + u.Query().Get("state"))
		}, consent.ConsentRefused},
		{"accepts once more", func(w *world, authorizeURL string) atlassian.Secret { return w.accept(authorizeURL) }, consent.CodeRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.consented(connA)
			begun := w.begin(connA)
			request := consent.CompleteRequest{RedirectURL: w.accept(begun.AuthorizeURL, few)}
			_, err := w.complete(request)
			w.refusedType(consent.ScopesMissing, err)
			before := w.contents(connA)
			for _, confirm := range []bool{false, true} {
				_, err = w.complete(consent.CompleteRequest{RedirectURL: c.back(w, begun.AuthorizeURL), Confirm: confirm})
				w.refused(c.want, err, connA, before)
			}
			request.Confirm = true
			_, err = w.complete(request)
			require.NoError(t, err, "the tokens go on waiting")
		})
	}
}
