package simulation

import (
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each excuse has a run in which it applies, and it alone, but for the end of the
// family that a consent of the run replaces.
func TestEveryExcuseApplies(t *testing.T) {
	for name, plan := range excusedPlans {
		t.Run(name, func(t *testing.T) {
			losses := Run(atPost(t, plan)).Losses
			if replaced := "a newer consent ended it"; name != replaced {
				delete(losses, replaced)
			}
			require.Equal(t, map[string]int{name: 1}, losses)
		})
	}
	for _, e := range excuses {
		require.Contains(t, excusedPlans, e.name)
		require.NotEmpty(t, e.cause, e.name)
	}
}

// atPost reads a plan in which P is the operation that presents a token first.
func atPost(t *testing.T, text string) Plan {
	t.Helper()
	relative := regexp.MustCompile(`@P(\+\d+)?`)
	p, err := ParsePlan(relative.ReplaceAllString(text, "@0"))
	require.NoError(t, err)
	p.Faults, p.record, p.EveryTick = nil, true, true
	post := slices.Index(Run(p).steps, opPost)
	require.Positive(t, post)
	p, err = ParsePlan(relative.ReplaceAllStringFunc(text, func(at string) string {
		offset, _ := strconv.Atoi(at[len("@P"):])
		return "@" + strconv.Itoa(post+offset)
	}))
	require.NoError(t, err)
	return p
}

// excusedPlans are runs that end in a loss, by its excuse.
var excusedPlans = map[string]string{
	"people deleted what alone told which consent is the newest": "rotation seed=1 consent@P#1 crash-after@P+7 ledger-deleted@P+8",
	"the user removed the app":                                   "rotation seed=1 revoked@1",
	"the password was changed":                                   "rotation seed=1 password-changed@1",
	"a newer consent ended it":                                   "rotation seed=1 reconsent-kills-old consent@1",

	"psoxy presented an old token":                       "rotation seed=1 shared denied@P/1h#9 psoxy@P+140",
	"psoxy presented a token again and lost the answer":  "rotation seed=1 siblings-die shared denied@P/1h#9 atlassian-after@P+10/20s psoxy@P+10",
	"psoxy wrote an older family's token over a consent": "rotation seed=1 shared psoxy@P+10 consent@P+20 psoxy@P+40",

	"a person stored a consent as psoxy stores a rotation": "consent seed=b0c49d6620906863 siblings-die shared crash-before@27 consent@93#54e6 atlassian-after@93/6s",

	"the only place of the newest token was deleted":  "rotation seed=1 consent@P+8 deleted@P+8",
	"a person deleted what told of the spend":         "rotation seed=1 reconsent-kills-old shared atlassian-after@P/15m ledger-deleted@P+24",
	"a token that nothing remembers was written back": "rotation seed=1 aged older@P+10#1c",

	"no tick within the leeway":                                                     "rotation seed=1 no-ticks@P/15m crash-after@P",
	"AWS failed at every tick within the leeway":                                    "rotation seed=1 store-outage@P/15m crash-after@P",
	"the key denied every tick within the leeway":                                   "rotation seed=1 key-outage@P/15m crash-after@P",
	"the ledger or the credentials were denied at every tick within the leeway":     "rotation seed=1 denied@P/15m#8 crash-after@P",
	"Atlassian failed at every tick within the leeway":                              "rotation seed=1 atlassian-after@P/15m",
	"the account or the app's secret was unusable at every tick within the leeway":  "rotation seed=1 crash-after@P secret-rotated@P+1/15m",
	"every tick within the leeway was killed or paused, or met another's intent":    "rotation seed=1 every=5m crash-after@P crash-before@P+2 crash-before@P+10 crash-before@P+18 crash-before@P+26 crash-before@P+34 crash-before@P+42 crash-before@P+50 crash-before@P+58 crash-before@P+66 crash-before@P+74",
	"Google did not tell at any tick within the leeway when the ledger was written": "rotation seed=1 google crash-after@P stale@P/150s",
	"several of these, one at each tick within the leeway":                          "rotation seed=1 store-outage@P/5m crash-after@P atlassian-before@P+11/15m",
}
