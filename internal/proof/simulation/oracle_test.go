package simulation

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// An oracle that cannot say no proves nothing: each counter is made to count by
// a keeper with one broken part.
func TestTheOracleCounts(t *testing.T) {
	for name, b := range map[string]broken{
		"avoidable_losses":  losesAnswers,
		"killed_by_us":      presentsTheFirst,
		"older_over_newer":  movesLedgerBack,
		"sibling_presented": keepsTheElder,
		"unlocked_spends":   announcesNothing,
		"copies_left":       publishesNothing,
		"made_younger":      datesAnew,
		"secrets_leaked": {store: func(_ *world, _ *actor, s store.Store) store.Store {
			return brokenStore{Store: s, write: func(_ context.Context, name string, value atlassian.Secret, _ store.Kind) (int64, error) {
				return 0, errors.New(name + " cannot hold " + value.Reveal())
			}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Run(Plan{Seed: 1, Situation: Rotation, For: 5 * time.Hour, broken: b})
			require.Contains(t, r.Counters.Broken(), name)
		})
	}
}

// losesAnswers is a keeper that throws away what it is answered.
var losesAnswers = broken{token: func(w *world, _ *actor, e keeper.TokenEndpoint) keeper.TokenEndpoint {
	return tokenFunc(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
		t, err := e.Refresh(ctx, app, refresh)
		if w.armed {
			return atlassian.Token{}, ambiguous(errors.New("the answer is thrown away"))
		}
		return t, err
	})
}}

// presentsTheFirst is a keeper that presents the first token that it ever saw
// once more.
var presentsTheFirst = broken{token: func(w *world, _ *actor, e keeper.TokenEndpoint) keeper.TokenEndpoint {
	var first atlassian.Secret
	return tokenFunc(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
		if first.IsZero() {
			first = refresh
		} else if w.armed {
			_, _ = e.Refresh(ctx, app, first)
		}
		return e.Refresh(ctx, app, refresh)
	})
}}

// keepsTheElder is a keeper that presents each token twice, and keeps what it was
// answered first.
var keepsTheElder = broken{token: func(_ *world, _ *actor, e keeper.TokenEndpoint) keeper.TokenEndpoint {
	return tokenFunc(func(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
		elder, err := e.Refresh(ctx, app, refresh)
		_, _ = e.Refresh(ctx, app, refresh)
		return elder, err
	})
}}

// onLedger is a keeper whose entries are changed before they are written.
func onLedger(change func(w *world, value atlassian.Secret) atlassian.Secret) broken {
	return broken{store: func(w *world, _ *actor, s store.Store) store.Store {
		return brokenStore{Store: s, write: func(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
			if name == w.names.Ledger && w.armed {
				value = change(w, value)
			}
			return s.Write(ctx, name, value, kind)
		}}
	}}
}

// announcesNothing is a keeper that believes to have written an intent.
var announcesNothing = onLedger(func(_ *world, value atlassian.Secret) atlassian.Secret {
	return replaced(value, atlassian.NewSecret(`"intent":`), atlassian.NewSecret(`"nothing":`))
})

// movesLedgerBack is a keeper whose entries hold an earlier refresh token.
var movesLedgerBack = onLedger(func(w *world, value atlassian.Secret) atlassian.Secret {
	return replaced(value, w.oracle.chain.token, w.issued[0])
})

// datesAnew is a keeper that takes the time of an entry for the time of the consent.
var datesAnew = onLedger(func(w *world, value atlassian.Secret) atlassian.Secret {
	return replaced(value, atlassian.NewSecret(birth.Format("2006-01-02T15:04")), atlassian.NewSecret(w.now.Format("2006-01-02T15:04")))
})

// publishesNothing is a keeper whose copies are written nowhere.
var publishesNothing = broken{store: func(w *world, _ *actor, s store.Store) store.Store {
	return brokenStore{Store: s, write: func(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
		if name != w.names.Ledger && w.armed {
			return 1, nil
		}
		return s.Write(ctx, name, value, kind)
	}}
}}

// A keeper cannot save what it received, and another presents the same token again. That
// revokes it, and the answer is lost. Whoever saves it afterwards saves nothing.
func TestARevokedSuccessorIsNoChance(t *testing.T) {
	p, err := ParsePlan("adoption seed=f2b20d86960ab2bf siblings-die claims google store-outage@32/3m9s atlassian-after@151/8m42s concurrent@179")
	require.NoError(t, err)
	r := Run(p)
	require.Empty(t, r.Counters.Broken())
	require.Equal(t, map[string]int{"several of these, one at each tick within the leeway": 1}, r.Losses)
}

// requireExcused runs a plan whose loss has this excuse.
func requireExcused(t *testing.T, plan, excuse string) {
	t.Helper()
	p, err := ParsePlan(plan)
	require.NoError(t, err)
	r := Run(p)
	require.Empty(t, r.Counters.Broken())
	require.Equal(t, 1, r.Losses[excuse], r.Losses)
}

// A consent is stored while a tick is at work, and the calm before that is none for it.
func TestCalmBeforeATokenIsStored(t *testing.T) {
	requireExcused(t, "upgrade seed=e794a763cfab4750 reconsent-kills-old claims google consent@2#5e8a atlassian-after@146/18m26s", "Atlassian failed at every tick within the leeway")
}

// A tick waits, spends the token, and loses the answer as an outage begins: the calm
// before was none for it.
func TestCalmBeforeASpend(t *testing.T) {
	requireExcused(t, "adoption seed=e98bafae6617c888 siblings-die reconsent-kills-old claims again@2 concurrent@7#1 ledger-deleted@17 atlassian-after@118/10m5s", "Atlassian failed at every tick within the leeway")
}

// A person deletes an intent just before its token request arrives, whose answer is lost.
func TestAnIntentIsDeletedBeforeItsSpend(t *testing.T) {
	requireExcused(t, "adoption seed=83e222a4df5105c9 siblings-die reconsent-kills-old crash-after@24 ledger-deleted@24 denied@52/8m22s", "a person deleted what told of the spend")
}

// A process settles what it holds, and carries another's intent on.
func TestAnIntentThatIsCarriedOn(t *testing.T) {
	p, err := ParsePlan("replay seed=f896a5caba1931e google backup@18 ledger-deleted@31 concurrent@33#bea862e02a8bf73e")
	require.NoError(t, err)
	require.Empty(t, Run(p).Counters.Broken())
}

// A person deletes every trace of a consent, and its token comes back after another
// consent. Nothing tells that it is older.
func TestATokenWithoutATrace(t *testing.T) {
	requireExcused(t, "adoption seed=fdea6639de68ca4a legacy-refusal google deleted@4 authorize@123 older@167", unremembered)
}

// A person deletes a consent before a tick could read it, and stores it again an hour
// later. Nothing but its claims tells how old it is.
func TestATokenWithoutADate(t *testing.T) {
	for _, claims := range []string{"", " claims"} {
		p, err := ParsePlan("rotation seed=800672bfa9091411 reconsent-kills-old legacy-refusal" + claims + " consent@13 terraform@22/1h30m0s deleted@23")
		require.NoError(t, err)
		require.Empty(t, Run(p).Counters.Broken(), claims)
	}
}

// A person deletes a consent before a tick could read it, and puts it back over a newer one.
func TestAConsentThatNobodyReadIsPutBack(t *testing.T) {
	p, err := ParsePlan("adoption seed=6d18b872e8665438 siblings-die consent@143#d91 deleted@146 authorize@149")
	require.NoError(t, err)
	r := Run(p)
	require.Empty(t, r.Counters.Broken())
	require.Equal(t, 1, r.Losses["people deleted what alone told which consent is the newest"], r.Losses)
}

// Psoxy rotates twice from its cache just after a consent. What it stores tells nothing, so
// the ledger goes on with it as with the consent's, whose age it is given.
func TestPsoxyRotatesTwiceOverAConsent(t *testing.T) {
	p, err := ParsePlan("replay seed=eb3d3ed41c4053c0 legacy-refusal shared psoxy@156 authorize@176 psoxy@197 psoxy@198")
	require.NoError(t, err)
	r := Run(p)
	require.Empty(t, r.Counters.Broken())
	require.Equal(t, map[string]int{coveredByPsoxy: 2}, r.Losses)
	t.Run("its claims would tell", func(t *testing.T) {
		p.Settings.Claims = true
		r := Run(p)
		require.Empty(t, r.Counters.Broken())
		require.Empty(t, r.Losses)
	})
}

// Psoxy stores a token, and a person deletes it before a tick could read it. When it is put
// back, only claims would tell it from a consent's.
func TestATokenThatNoTickCouldRead(t *testing.T) {
	plan := "upgrade seed=4aef0b585f1eadfd siblings-die shared psoxy@12 damaged@24/50m0s deleted@27"
	requireExcused(t, plan, unremembered)
	p, err := ParsePlan(strings.Replace(plan, " shared", " claims shared", 1))
	require.NoError(t, err)
	r := Run(p)
	require.Empty(t, r.Counters.Broken())
	require.Empty(t, r.Losses)
	w := &world{}
	keeper, killed := &actor{w: w, busy: true}, &actor{w: w, dead: true}
	for _, c := range []struct {
		name    string
		by      *actor
		left    int
		unknown bool
	}{
		{"no keeper has read it", nil, 0, true},
		{"a keeper has, and goes on", keeper, 0, false},
		{"a keeper has, and was killed", killed, 0, true},
		{"it is left", nil, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := glimpses{read: map[rank]*actor{}, missed: map[rank]*actor{}}
			g.stood(rank{generation: 1})
			if c.by != nil {
				g.looked(c.by)
			}
			g.gone(c.left)
			require.Equal(t, c.unknown, g.unknown(rank{generation: 1}, Settings{}))
			require.False(t, g.unknown(rank{generation: 1}, Settings{Claims: true}))
		})
	}
}

// A person stores two consents, the second as psoxy stores a rotation, and in between the
// family's own token again: the second may be what psoxy made of that, and the first newer.
func TestAConsentStoredLikeARotation(t *testing.T) {
	p, err := ParsePlan("rotation seed=e96e5962532ffaff siblings-die shared atlassian-after@14/6s denied@60/21m31s consent@192 older@195 consent@303#67e7")
	require.NoError(t, err)
	r := Run(p)
	require.Empty(t, r.Counters.Broken())
	require.Equal(t, map[string]int{storedLikePsoxy: 2}, r.Losses)
}

type tokenFunc func(context.Context, atlassian.App, atlassian.Secret) (atlassian.Token, error)

func (f tokenFunc) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	return f(ctx, app, refresh)
}

type brokenStore struct {
	store.Store
	write func(context.Context, string, atlassian.Secret, store.Kind) (int64, error)
}

func (s brokenStore) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	return s.write(ctx, name, value, kind)
}

// replaced is a value with another text in the place of one.
func replaced(value, text, by atlassian.Secret) atlassian.Secret {
	return atlassian.NewSecret(strings.ReplaceAll(value.Reveal(), text.Reveal(), by.Reveal()))
}
