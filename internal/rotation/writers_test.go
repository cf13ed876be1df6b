package rotation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// A person fills in a new consent by hand at any moment of a rotation: the
// newest consent wins, wherever it falls.
func TestConsentInBetween(t *testing.T) {
	for at := range 8 {
		for _, kills := range []bool{false, true} {
			w := newWorld(t, func(p *atlassiantest.Policy) { p.ReconsentKillsOld = kills })
			w.consent()
			w.want(rotation.Rotated)
			w.clock.Advance(40 * time.Minute)
			w.ops = nil
			w.before = once(at, func() error { w.consent(); return nil })
			w.tick()
			w.before = nil
			for range 12 {
				w.clock.Advance(5 * time.Minute)
				_, ok := w.tick()
				require.True(t, ok)
				w.requireKept(at, kills)
			}
			require.InDelta(t, 365, w.record().ExpiresAt(w.policy.Lifetime).Sub(w.clock.Now()).Hours()/24, 0.1, "the countdown is the new consent's")
		}
	}
}

// Parameters go through psoxy's own refresh in between, under its lock or
// after having died with it.
func TestPsoxyInBetween(t *testing.T) {
	psoxy := func(w *world, save func(atlassiantest.Tokens)) {
		_, err := w.mem.Create(context.Background(), names.Lock, atlassian.NewSecret("locked_1764000000000"), store.Plain)
		require.NoError(w.t, err)
		tokens, err := w.em.Refresh(atlassiantest.RefreshRequest{ClientID: w.fix.App.ClientID, ClientSecret: w.fix.App.ClientSecret,
			RefreshToken: w.get(names.RefreshToken).Value, Presenter: "psoxy"})
		require.NoError(w.t, err)
		w.clock.Advance(time.Second)
		save(tokens)
	}
	shared := func(t *testing.T) *world {
		w := newWorld(t)
		w.policy.AccessFormat = family.PsoxyJSON
		w.consent()
		w.want(rotation.Rotated)
		w.clock.Advance(40 * time.Minute)
		return w
	}
	access := func(w *world, tok atlassiantest.Tokens) {
		w.put(names.AccessToken, family.PsoxyJSON.EncodeAccessToken(tok.Access, w.clock.Now().Add(time.Hour)).Reveal())
	}

	t.Run("it rotates while we wait", func(t *testing.T) {
		w := shared(t)
		born := w.record().AuthorizedAt
		psoxy(w, func(tok atlassiantest.Tokens) {
			w.want(rotation.Contended)
			access(w, tok)
			w.put(names.RefreshToken, tok.Refresh.Reveal())
			require.NoError(t, w.mem.Delete(context.Background(), names.Lock))
		})
		w.want(rotation.Idle)
		w.clock.Advance(40 * time.Minute)
		out := w.want(rotation.Rotated)
		require.Equal(t, 3, out.Generation)
		require.Equal(t, born, w.record().AuthorizedAt, "psoxy's rotation does not restart the countdown")
	})
	t.Run("it dies between the exchange and its first write: saved within the leeway", func(t *testing.T) {
		w := shared(t)
		psoxy(w, func(atlassiantest.Tokens) {})
		w.want(rotation.Contended)
		w.clock.Advance(5 * time.Minute)
		w.want(rotation.Replayed)
	})
	t.Run("it dies between its two writes: saved within the leeway", func(t *testing.T) {
		w := shared(t)
		psoxy(w, func(tok atlassiantest.Tokens) { access(w, tok) })
		w.clock.Advance(5 * time.Minute)
		w.want(rotation.Replayed)
	})
	t.Run("it left its lock three weeks ago", func(t *testing.T) {
		w := shared(t)
		_, err := w.mem.Create(context.Background(), names.Lock, atlassian.NewSecret("locked_1764000000000"), store.Plain)
		require.NoError(t, err)
		w.clock.Advance(21 * 24 * time.Hour)
		w.want(rotation.Replayed)
	})
}

func TestTwoTicksAtOnce(t *testing.T) {
	w := newWorld(t)
	w.consent()
	begun := w.posts()
	first := w.keeper
	w.after = func(_ int, op string) error {
		if strings.HasPrefix(op, "create") {
			w.after = nil
			w.restart() // the second delivery runs in another process
			w.want(rotation.Contended)
			w.keeper = first
		}
		return nil
	}
	w.want(rotation.Rotated)
	require.Equal(t, 1, w.posts()-begun)
	w.requireKept()
}

func TestAnOlderTokenWrittenOverTheNewestIsUndone(t *testing.T) {
	w := newWorld(t)
	old := w.consent().Refresh
	w.want(rotation.Rotated)
	newest := w.get(names.RefreshToken).Value
	posts := w.posts()
	w.put(names.RefreshToken, old.Reveal())
	w.clock.Advance(40 * time.Minute)
	out := w.want(rotation.Contended)
	require.Contains(t, out.Reason, "restored")
	require.Equal(t, posts, w.posts(), "a spent token is not presented")
	require.Equal(t, newest, w.get(names.RefreshToken).Value)
	w.want(rotation.Rotated)
	w.requireKept()
}

// The store takes no writes after the spend: the pair stays in memory, and the
// next tick of the same process saves it.
func TestReceivedPairSurvivesAnOutageOfTheStore(t *testing.T) {
	for _, failing := range []string{"write REFRESH_TOKEN", "write ACCESS_TOKEN", "write TOKEN_FAMILY"} {
		w := newWorld(t)
		w.consent()
		begun := w.posts()
		w.before = func(_ int, op string) error {
			if op == failing {
				return errFault
			}
			return nil
		}
		w.want(rotation.Failed)
		for range 4 { // twenty minutes, longer than the leeway
			w.clock.Advance(5 * time.Minute)
			w.want(rotation.Failed)
		}
		w.before = nil
		w.clock.Advance(5 * time.Minute)
		w.want(rotation.Rotated)
		require.Equal(t, 1, w.posts()-begun, failing)
		w.requireKept(failing)
		require.Zero(t, w.get(names.Lock).Version)
	}
}

// A pair in memory does not cover a newer consent.
func TestHeldPairYieldsToANewConsent(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.before = func(_ int, op string) error {
		if op == "write REFRESH_TOKEN" {
			return errFault
		}
		return nil
	}
	w.want(rotation.Failed)
	w.before = nil
	w.clock.Advance(5 * time.Minute)
	w.consent()
	w.tick()
	w.clock.Advance(5 * time.Minute)
	w.tick()
	w.requireKept()
}

func TestNoTimeLeftNoSpend(t *testing.T) {
	w := newWorld(t)
	w.consent()
	begun := w.posts()
	w.limit = family.PostTimeout + family.SaveReserve - time.Millisecond
	out := w.want(rotation.Failed)
	require.Contains(t, out.Reason, "time-out")
	require.Equal(t, begun, w.posts())
	require.Zero(t, w.get(names.Lock).Version)
	w.limit = family.PostTimeout + family.SaveReserve
	w.want(rotation.Rotated)
}

func TestTokenSizes(t *testing.T) {
	for _, c := range []struct {
		padding int
		want    rotation.Action
	}{{5000, rotation.Rotated}, {9000, rotation.Failed}} {
		w := newWorld(t)
		w.consent()
		require.NoError(t, w.em.ChangePolicy(func(p *atlassiantest.Policy) { p.TokenPadding = c.padding }))
		posts := w.posts()
		w.want(c.want)
		w.clock.Advance(5 * time.Minute)
		out, _ := w.tick()
		require.Equal(t, 1, w.posts()-posts, "a token that does not fit is kept in memory, not asked for again")
		if c.want == rotation.Failed {
			require.Contains(t, out.Reason, "8192")
		}
	}
}

func TestUnreadableRecordStopsRotationButNotRecovery(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.want(rotation.Rotated)
	w.put(names.Family, "mangled")
	posts := w.posts()
	w.clock.Advance(40 * time.Minute)
	out := w.want(rotation.Misconfigured)
	require.Contains(t, out.Reason, names.Family)
	require.Equal(t, posts, w.posts())

	_, err := w.mem.Create(context.Background(), names.Lock, family.EncodeLock(w.clock.Now(),
		family.Intent{Owner: "dead/1", Spending: family.FingerprintOf(w.get(names.RefreshToken).Value), FirstSpend: w.clock.Now()}), store.Plain)
	require.NoError(t, err)
	w.clock.Advance(5 * time.Minute)
	w.want(rotation.Replayed)
	require.Equal(t, "mangled", w.get(names.Family).Value.Reveal(), "what cannot be read is not overwritten")
	w.requireKept()
}

func TestNoSecretInLogsOrReports(t *testing.T) {
	w := newWorld(t)
	tokens := w.consent()
	w.want(rotation.Rotated)
	w.clock.Advance(40 * time.Minute)
	require.NoError(t, w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.After, Kind: atlassiantest.KindDrop, Times: 2}))
	w.want(rotation.Replayed)
	secrets := []string{tokens.Access.Reveal(), tokens.Refresh.Reveal(), w.fix.App.ClientSecret.Reveal(),
		w.get(names.RefreshToken).Value.Reveal(), w.get(names.AccessToken).Value.Reveal()}
	require.NotEmpty(t, w.logs.String())
	for _, s := range secrets {
		require.NotContains(t, w.logs.String(), s)
	}
}
