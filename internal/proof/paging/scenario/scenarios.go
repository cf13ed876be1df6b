package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/metrics"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// day is a day, and firstWarning when the first warning of a family is due.
const (
	day          = 24 * time.Hour
	firstWarning = 305 * day
)

// secondConsent is some moment of a day, between two ticks.
const secondConsent = 7*time.Hour + 3*time.Minute + 31*time.Second

// An ordinary failure strikes when rotations have settled, between two ticks,
// and is mended half a day later.
const (
	ordinaryCause = 10*time.Hour + 2*time.Minute + 17*time.Second
	ordinaryLasts = 12 * time.Hour
	ordinaryDays  = 2
)

// deadLetterMetric counts ticks that failed at every retry.
const deadLetterMetric = "ApproximateNumberOfMessagesVisible"

// What alarms may say about a kind of cause. Errors are Lambda's own, and failed
// requests Cloud Run's.
var (
	refused = []string{metrics.ConsentNeeded, metrics.AccessTokenSecondsRemaining}
	wrong   = []string{metrics.RotationFailures, metrics.AccessTokenSecondsRemaining}
	failing = []string{metrics.RotationFailures, metrics.AccessTokenSecondsRemaining, deadLetterMetric, "Errors", failedRuns}
	noticed = []string{metrics.Attention, metrics.ForeignWrites, metrics.SiteLost}
	silence = []string{metrics.Heartbeat, deadLetterMetric, "Errors", failedRuns}
)

// Reasons why something is known no earlier.
const (
	byTick     = "the first tick after it"
	byMissed   = "the first tick that does not come"
	byRotation = "the first rotation that is due after it"
	byQuestion = "the first daily question for sites after it"
)

// All are the scenarios, in the order in which they are listed.
func All() []Scenario {
	return append(ordinaryYears(), append(fromAtlassian(), fromPlatform()...)...)
}

// ordinaryYears are those in which nothing goes wrong.
func ordinaryYears() []Scenario {
	return []Scenario{
		{
			Name: "healthy-year", Summary: "A year of rotations; the person consents again half a day before the end.", Days: MaxDays,
			Cause: "60 days are left", CauseAt: firstWarning, Urgency: "ticket", KnownBy: byTick, known: nextTick,
			Lasts: 364*day + 12*time.Hour - firstWarning, mend: consentAgain,
		},
		{
			Name: "healthy-year-without-consent", Summary: "The same year, but nobody consents: the family dies of age on day 365, and is renewed on day 370.", Days: MaxDays,
			Cause: "60 days are left", CauseAt: firstWarning, Urgency: "ticket", KnownBy: byTick, known: nextTick,
			Lasts: 370*day + 2*time.Minute - firstWarning, mend: consentAgain,
		},
		{
			Name: "second-warned", Summary: "Two families of 70 days, the second one replaced after five days by a new consent: both pass 60 and 30 days while nobody consents until 25 are left.", Days: 55,
			Cause: "60 days are left of a second family", CauseAt: 15*day + secondConsent, Urgency: "ticket", KnownBy: byTick, known: nextTick,
			Lasts: 35 * day, connections: 2, parameters: map[string]string{"FamilyLifetimeDays": "70"},
			prepare: func(w *world) error {
				w.at(start.Add(5*day+secondConsent), func() error { return w.consent(w.connections[0]) })
				return nil
			},
			mend: func(w *world) error { return errors.Join(w.consent(w.connections[0]), w.consent(w.connections[1])) },
		},
		{
			Name: "awaiting-consent", Summary: "The stack is deployed, and nobody consents for three days.", Days: 4,
			Cause: "no consent for a day", CauseAt: day, Lasts: 2 * day, Urgency: "ticket", KnownBy: byTick, known: nextTick,
			unconsented: true, mend: consentAgain, explains: []string{metrics.AwaitingConsent},
		},
		{
			Name: "psoxy-racing", Summary: "Shared mode: psoxy rotates the same family all the time, often right at a tick. Nobody is to be told.", Days: 7,
			format: psoxy.JSON, prepare: startPsoxy,
		},
		{
			Name: "token-overwritten", Summary: "Every six hours somebody puts an older REFRESH_TOKEN back, writes a placeholder over it, or deletes it. The family goes on.", Days: 4,
			Cause: "REFRESH_TOKEN written over", CauseAt: writersEvery, Urgency: "ticket", KnownBy: byTick, known: nextTick,
			prepare: startWriters, explains: noticed,
		},
		{
			Name: "copies-deleted", Summary: "Somebody deletes the copies of the tokens; the next tick publishes them again.", Days: 2,
			Cause: "REFRESH_TOKEN deleted", CauseAt: ordinaryCause, Urgency: "ticket", KnownBy: byTick, known: nextTick, explains: noticed,
			strike: func(w *world) error {
				n := w.victim.names
				return errors.Join(w.store.Delete(context.Background(), n.RefreshToken), w.store.Delete(context.Background(), n.AccessToken),
					w.store.Delete(context.Background(), n.Family))
			},
		},
		{
			Name: "site-lost", Summary: "An administrator blocks the app for thirty hours: rotations succeed, and the tokens reach no site.", Days: 3,
			Cause: "app blocked", CauseAt: ordinaryCause, Lasts: 30 * time.Hour, Urgency: "ticket", KnownBy: byQuestion, known: nextQuestion, explains: noticed,
			strike: func(w *world) error {
				return w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointResources, When: atlassiantest.Before, Kind: atlassiantest.KindEmpty})
			},
			mend: func(w *world) error { w.em.ClearFaults(); return nil },
		},
		{
			Name: "clock-skew", Summary: "The function's clock is 90 s ahead for a day, then 90 s behind. Nobody is to be told.", Days: 4,
			CauseAt: day, Lasts: day,
			strike: func(w *world) error { w.skew = 90 * time.Second; return nil },
			mend:   func(w *world) error { w.skew = -90 * time.Second; return nil },
		},
	}
}

// ordinary completes a failure with the ordinary times.
func ordinary(s Scenario) Scenario {
	s.Days, s.CauseAt, s.Urgency = ordinaryDays, ordinaryCause, "page"
	if s.Lasts == 0 {
		s.Lasts = ordinaryLasts
	}
	return s
}

// fromAtlassian are the failures on Atlassian's side.
func fromAtlassian() []Scenario {
	byRefusal := func(name, summary, cause string, strike func(*world) error) Scenario {
		return ordinary(Scenario{Name: name, Summary: summary, Cause: cause, KnownBy: byRotation, known: nextRotation,
			explains: refused, strike: strike, mend: consentAgain})
	}
	outage := func(name, summary string, lasts time.Duration) Scenario {
		return ordinary(Scenario{Name: name, Summary: summary, Cause: "Atlassian answers 503", Live: true, KnownBy: byRotation, known: nextRotation,
			explains: failing, Lasts: lasts,
			strike: func(w *world) error {
				return w.em.Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken, When: atlassiantest.Before, Kind: atlassiantest.KindStatus, Status: 503})
			},
			mend: func(w *world) error { w.em.ClearFaults(); return nil }})
	}
	team := byRefusal("one-of-200", "200 connections, and one account's password changes.", "1 of 200 passwords changed", changePassword)
	team.connections = 200
	team.Days, team.Lasts = 1, 3*time.Hour // a tick is 200 times the work
	team.prepare = func(w *world) error { w.victim = w.connections[136]; return nil }
	second := byRefusal("second-lost", "Two connections; the second one's password changes six hours after the first one's, which nobody has mended.", "a second password changed", changePassword)
	second.connections = 2
	second.earlierAt, second.earlier = 4*time.Hour, func(w *world) error { return w.em.ChangePassword(w.connections[1].account.ID) }
	second.mend = func(w *world) error { return errors.Join(w.consent(w.connections[0]), w.consent(w.connections[1])) }
	return []Scenario{
		second,
		byRefusal("password-changed", "The account's password is changed, which kills its families.", "password changed", changePassword),
		byRefusal("grant-revoked", "The account's owner removes the app.", "grant revoked",
			func(w *world) error { return w.em.RevokeGrant(w.victim.account.ID, w.victim.app.ClientID) }),
		ordinary(Scenario{Name: "user-deactivated", Summary: "The account is deactivated, and reactivated half a day later.",
			Cause: "account deactivated", Live: true, KnownBy: byRotation, known: nextRotation, explains: wrong,
			strike: func(w *world) error { return w.em.Deactivate(w.victim.account.ID) },
			mend:   func(w *world) error { return w.em.Reactivate(w.victim.account.ID) }}),
		ordinary(Scenario{Name: "secret-rotated", Summary: "The app gets a new client secret that is not stored for half a day.",
			Cause: "client secret replaced", Live: true, KnownBy: byRotation, known: nextRotation, explains: wrong,
			strike: func(w *world) (err error) {
				w.victim.app.ClientSecret, err = w.em.RotateClientSecret(w.victim.app.ClientID)
				return err
			},
			mend: func(w *world) error {
				return w.put(map[string]atlassian.Secret{w.victim.names.ClientSecret: w.victim.app.ClientSecret})
			}}),
		outage("atlassian-down-3h", "Atlassian answers 503 for three hours.", 3*time.Hour),
		outage("atlassian-down-24h", "Atlassian answers 503 for a day.", day),
		team,
	}
}

// fromPlatform are the failures on AWS's side, or of the deployment.
func fromPlatform() []Scenario {
	toggle := func(name, summary, cause, knownBy string, known func(*world) time.Time, explains []string, flag func(*world) *bool) Scenario {
		return ordinary(Scenario{Name: name, Summary: summary, Cause: cause, Live: true, KnownBy: knownBy, known: known, explains: explains,
			strike: func(w *world) error { *flag(w) = true; return nil },
			mend:   func(w *world) error { *flag(w) = false; w.boot(); return nil }})
	}
	return []Scenario{
		toggle("ssm-down", "Parameter Store does not answer.", "Parameter Store down", byTick, nextTick, failing, func(w *world) *bool { return &w.storeDown }),
		toggle("key-disabled", "The key of the parameters is disabled.", "KMS key disabled", byTick, nextTick, failing, func(w *world) *bool { return &w.keyDisabled }),
		toggle("schedule-deleted", "The schedule is deleted: no tick comes any more.", "schedule deleted", byMissed, missedTick, silence, func(w *world) *bool { return &w.scheduleDeleted }),
		toggle("crash-at-start", "The function cannot start.", "function cannot start", byTick, nextTick, silence, func(w *world) *bool { return &w.crashing }),
		toggle("metrics-refused", "CloudWatch refuses the metrics.", "metrics refused", byTick, nextTick, silence, func(w *world) *bool { return &w.metricsRefused }),
		ordinary(Scenario{Name: "parameter-deleted", Summary: "Somebody deletes the CLIENT_SECRET parameter.",
			Cause: "CLIENT_SECRET deleted", Live: true, KnownBy: byTick, known: nextTick, explains: wrong,
			strike: func(w *world) error { return w.store.Delete(context.Background(), w.victim.names.ClientSecret) },
			mend: func(w *world) error {
				return w.put(map[string]atlassian.Secret{w.victim.names.ClientSecret: w.victim.app.ClientSecret})
			}}),
	}
}

func consentAgain(w *world) error { return w.consent(w.victim) }

func changePassword(w *world) error { return w.em.ChangePassword(w.victim.account.ID) }
