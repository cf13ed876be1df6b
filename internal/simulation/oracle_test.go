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
func onLedger(change func(w *world, value atlassian.Secret) (atlassian.Secret, bool)) broken {
	return broken{store: func(w *world, _ *actor, s store.Store) store.Store {
		return brokenStore{Store: s, write: func(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
			if name == w.names.Ledger && w.armed {
				var write bool
				if value, write = change(w, value); !write {
					return w.slots[slotLedger].entry.Version + 1, nil
				}
			}
			return s.Write(ctx, name, value, kind)
		}}
	}}
}

// announcesNothing is a keeper that believes to have written an intent.
var announcesNothing = onLedger(func(_ *world, value atlassian.Secret) (atlassian.Secret, bool) {
	return value, !strings.Contains(value.Reveal(), `"intent":`)
})

// movesLedgerBack is a keeper whose entries hold an earlier refresh token.
var movesLedgerBack = onLedger(func(w *world, value atlassian.Secret) (atlassian.Secret, bool) {
	return replaced(value, w.oracle.chain.token, w.issued[0]), true
})

// datesAnew is a keeper that takes the time of an entry for the time of the consent.
var datesAnew = onLedger(func(w *world, value atlassian.Secret) (atlassian.Secret, bool) {
	return replaced(value, atlassian.NewSecret(birth.Format("2006-01-02T15:04")), atlassian.NewSecret(w.now.Format("2006-01-02T15:04"))), true
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

// Each excuse has a run in which it applies, and it alone.
func TestEveryExcuseApplies(t *testing.T) {
	for name, plan := range excusedPlans {
		t.Run(name, func(t *testing.T) {
			p, err := ParsePlan(plan)
			require.NoError(t, err)
			require.Equal(t, map[string]int{name: 1}, Run(p).Losses)
		})
	}
	for _, e := range excuses {
		require.Contains(t, excusedPlans, e.name)
		require.NotEmpty(t, e.cause, e.name)
	}
}

// excusedPlans are runs that end in a loss, by its excuse.
var excusedPlans = map[string]string{
	"the user removed the app":                                                     "rotation seed=1 revoked@1",
	"the password was changed":                                                     "rotation seed=1 password-changed@1",
	"a newer consent ended it":                                                     "rotation seed=1 reconsent-kills-old consent@1",
	"no tick within the leeway":                                                    "rotation seed=1 no-ticks@9/15m crash-after@9",
	"AWS failed at every tick within the leeway":                                   "rotation seed=1 store-outage@9/15m crash-after@9",
	"the key denied every tick within the leeway":                                  "rotation seed=1 key-outage@9/15m crash-after@9",
	"the ledger or the credentials were denied at every tick within the leeway":    "rotation seed=1 denied@9/15m#8 crash-after@9",
	"Atlassian failed at every tick within the leeway":                             "rotation seed=1 atlassian-after@9/15m",
	"the account or the app's secret was unusable at every tick within the leeway": "rotation seed=1 secret-rotated@10/15m crash-after@9",
	"every tick within the leeway was killed or paused":                            "rotation seed=1 every=5m crash-after@9 crash-before@11 crash-before@13 crash-before@15 crash-before@17 crash-before@19 crash-before@21 crash-before@23 crash-before@25 crash-before@27 crash-before@29",
	"several of these, one at each tick within the leeway":                         "rotation seed=1 store-outage@9/5m atlassian-before@20/15m crash-after@9",
	"psoxy presented an old token":                                                 "rotation seed=85d00721028de3ed reconsent-kills-old claims shared store-outage@13/1h2m49s shared-create@109 psoxy@285",
	"psoxy wrote an older family's token over a consent":                           "adoption seed=3faf3bedff64a9cf siblings-die shared consent@13 false-refusal@13 psoxy@37",
	"psoxy presented a token again and lost the answer":                            "upgrade seed=b08a3cc9efb60979 siblings-die reconsent-kills-old legacy-refusal claims shared labelled@28/6s#1 psoxy@50",
	"a person deleted the only place of the newest token":                          "rotation seed=1 consent@14 deleted@14",
	"a person deleted what told of the spend":                                      "replay seed=d835a8a5d39f44a5 siblings-die reconsent-kills-old legacy-refusal shared atlassian-after@7/9m41s ledger-deleted@34",
	"a token that nothing remembers was written back":                              "rotation seed=1 aged older@20#1c",
}
