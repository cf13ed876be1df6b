package health

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

var (
	now     = time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)
	refresh = atlassian.NewSecret("refresh-canary-0f-a-t3st")
	access  = atlassian.NewSecret("access-canary-of-a-test")
	app     = atlassian.App{ClientID: "id", ClientSecret: atlassian.NewSecret("secret-canary")}
)

const day24 = 24 * time.Hour

// well is a healthy connection: consented for at the beginning of the day before,
// and rotated twenty minutes ago.
func well() Survey {
	rotated := now.Add(-20 * time.Minute)
	r := family.Record{Schema: family.Schema, Connection: "A_", AuthorizedAt: now.Add(-day24), AuthorizedAtSource: family.FromConsent, LifetimeDays: 365,
		Generation: 7, Refresh: family.FingerprintOf(refresh), Access: family.FingerprintOf(access), RotatedAt: rotated, AccessExpiresAt: rotated.Add(time.Hour)}
	s := Survey{
		Snapshot: family.Snapshot{
			Connection: "A_", Now: now, Written: rotated, State: family.State{Refresh: refresh, Record: r, Inbox: family.Inbox{Judged: family.Judged{Seen: 4}}},
			ClientID: field(app.ClientID, rotated), ClientSecret: field(app.ClientSecret.Reveal(), rotated),
			RefreshToken: field(refresh.Reveal(), rotated), AccessToken: field(access.Reveal(), rotated),
		},
		Policy: family.DefaultPolicy(), Exists: true, Warning: 60, Last: 1, Ledger: "A_TOKEN_LEDGER", Place: "the directory ./tokens",
		Commands: CommandsFor("A_", "", "tk"),
	}
	s.RefreshToken.Version = 4
	return s
}

func field(value string, modified time.Time) family.Field {
	return family.Field{Value: atlassian.NewSecret(value), Version: 1, Modified: modified}
}

// failed gives the survey a failure that was written down at the given age.
func failed(s *Survey, class atlassian.Class, code string, age time.Duration) {
	s.State.Record.LastFailure = &family.Failure{Class: class.String(), Code: code, At: now.Add(-age), Since: now.Add(-age), Count: 1,
		Token: s.State.Record.Refresh, Credentials: s.Credentials()}
	s.Written = now.Add(-age)
}

// doubted puts the ledger's token in doubt since the given age.
func doubted(s *Survey, age time.Duration) {
	at := now.Add(-age)
	s.State.Intent = &family.Intent{Token: s.State.Record.Refresh, First: at, Last: at}
	s.Written = at
}

// older moves all that was written before into the past.
func older(s *Survey, by time.Duration) {
	s.Now = s.Now.Add(by)
}

type verdictCase struct {
	name   string
	change func(*Survey)
	state  State
	level  Level
	action keeper.Action
	line   string
	do     string
}

const (
	authorizeA = "tokenkeeper authorize --connection A_"
	tickA      = "tokenkeeper tick --function tk-refresher"
	doctorA    = "tokenkeeper doctor --stack tk"
	secretA    = "tokenkeeper set-secret --connection A_"
)

var verdictCases = []verdictCase{
	{"fine", func(*Survey) {}, OK, Fine, keeper.Idle, "OK until 2027-11-25; nobody needs to act", "nothing"},
	{"a rotation is due", func(s *Survey) { older(s, 20*time.Minute) }, OK, Fine, keeper.Idle, "OK until 2027-11-25; nobody needs to act", "nothing"},
	{"a rotation is under way", func(s *Survey) {
		doubted(s, time.Minute)
		s.State.Intent.Owner = "p/1"
	}, OK, Fine, keeper.Idle, "OK until 2027-11-25; nobody needs to act", "nothing"},
	{"psoxy rotates", func(s *Survey) { s.Lock = field("locked_1", now.Add(-time.Minute)) }, OK, Fine, keeper.Idle, "OK until 2027-11-25; nobody needs to act", "nothing"},

	{"the consent is due", func(s *Survey) { s.State.Record.AuthorizedAt = now.Add(-320 * day24) }, ConsentDue, Attention, keeper.Idle,
		"NEEDS ATTENTION: OK until 2027-01-10, in 45 days: consent before then: " + authorizeA, authorizeA},
	{"the consent is due today", func(s *Survey) { s.State.Record.AuthorizedAt = now.Add(-365*day24 + 5*time.Hour) }, ConsentDue, Attention, keeper.Idle,
		"NEEDS ATTENTION: OK until 2026-11-26, in 5 hours: consent now: " + authorizeA, authorizeA},
	{"past its age", func(s *Survey) { s.State.Record.AuthorizedAt = now.Add(-371 * day24) }, PastAge, Broken, keeper.Refused,
		"PAST ITS AGE since 2026-11-20 (6 days): consent now: " + authorizeA, authorizeA},
	{"not used for too long", func(s *Survey) { older(s, 100*day24) }, PastAge, Broken, keeper.Refused,
		"PAST ITS AGE since 2027-02-24, because nobody rotated it for 100 days: consent now: " + authorizeA, authorizeA},

	{"refused", func(s *Survey) { failed(s, atlassian.Permanent, "unauthorized_client", 40*time.Minute) }, Lost, Broken, keeper.Refused,
		"LOST since 05:20Z: consent now: " + authorizeA, authorizeA},
	{"refused the day before", func(s *Survey) { failed(s, atlassian.Permanent, "unauthorized_client", 20*time.Hour) }, Lost, Broken, keeper.Refused,
		"LOST since 2026-11-25 10:00Z: consent now: " + authorizeA, authorizeA},
	{"refused to another secret", func(s *Survey) {
		failed(s, atlassian.Permanent, "unauthorized_client", 40*time.Minute)
		s.ClientSecret = field("another", now)
	}, Retrying, Attention, keeper.Refused,
		"NEEDS ATTENTION: Atlassian refused the refresh token (unauthorized_client), and CLIENT_ID or CLIENT_SECRET have changed since: the next tick tries: " + tickA, tickA},
	{"refused, and a newer token is there", func(s *Survey) {
		failed(s, atlassian.Permanent, "unauthorized_client", 40*time.Minute)
		candidate(s, now.Add(-time.Minute))
	}, Retrying, Attention, keeper.Refused,
		"NEEDS ATTENTION: Atlassian refused the refresh token (unauthorized_client), and REFRESH_TOKEN holds another token: the next tick tries: " + tickA, tickA},

	{"in doubt", func(s *Survey) { doubted(s, 5*time.Minute) }, InDoubt, Attention, keeper.InDoubt,
		"IN DOUBT until 06:05Z: the answer to a rotation is lost, and each tick asks again until then: see that ticks go on: " + tickA, tickA},
	{"in doubt, and the leeway is over", func(s *Survey) { doubted(s, 12*time.Minute) }, InDoubt, Attention, keeper.InDoubt,
		"IN DOUBT since 05:48Z: the answer to a rotation is lost, and 10 minutes are over: a tick finds out whether a consent is needed: " + tickA, tickA},
	{"in doubt for a psoxy that died", func(s *Survey) { s.Lock = field("locked_1", now.Add(-3*time.Minute)) }, InDoubt, Attention, keeper.InDoubt,
		"IN DOUBT until 06:07Z: the answer to a rotation is lost, and each tick asks again until then: see that ticks go on: " + tickA, tickA},
	{"in doubt, and no tick comes", func(s *Survey) { doubted(s, 50*time.Minute) }, NoTick, Broken, keeper.Failed,
		"BROKEN: no tick since 05:40Z (20 minutes), while the answer to a rotation is lost: see why: " + doctorA, doctorA},
	{"a candidate in doubt", func(s *Survey) {
		candidate(s, now.Add(-4*time.Minute))
		s.State.Inbox.Pending = []family.Pending{{Version: 5, Token: "0123456789ab", First: now.Add(-3 * time.Minute)}}
		s.Written = now.Add(-3 * time.Minute)
	}, InDoubt, Attention, keeper.InDoubt,
		"IN DOUBT until 06:07Z: the answer about what somebody wrote to REFRESH_TOKEN is lost, and each tick asks again until then: see that ticks go on: " + tickA, tickA},

	{"misconfigured", func(s *Survey) { failed(s, atlassian.Configuration, "access_denied", 10*time.Minute) }, Misconfigured, Attention, keeper.Misconfigured,
		"NEEDS ATTENTION: Atlassian refuses the app's id or secret, or the account is inactive (access_denied): reactivate the account, or store the new secret: " + secretA, secretA},
	{"misconfigured, and consumers fail", func(s *Survey) {
		older(s, time.Hour)
		failed(s, atlassian.Configuration, "access_denied", -55*time.Minute)
	}, Misconfigured, Broken, keeper.Misconfigured,
		"BROKEN: Atlassian refuses the app's id or secret, or the account is inactive (access_denied): reactivate the account, or store the new secret: " + secretA, secretA},
	{"misconfigured, by another app", func(s *Survey) {
		s.State.Record.Client = "0123456789ab"
		failed(s, atlassian.Configuration, "unauthorized_client", 10*time.Minute)
	}, Misconfigured, Attention, keeper.Misconfigured,
		"NEEDS ATTENTION: CLIENT_ID belongs to another app than the refresh token: store the id and the secret of the app that received the token, or consent again with the stored one: " + authorizeA, authorizeA},
	{"misconfigured, and mended", func(s *Survey) {
		failed(s, atlassian.Configuration, "access_denied", 10*time.Minute)
		s.ClientSecret = field("another", now)
	}, Retrying, Attention, keeper.Misconfigured,
		"NEEDS ATTENTION: Atlassian refused the app's id or secret, and they have changed since: the next tick tries: " + tickA, tickA},
	{"no secret", func(s *Survey) { s.ClientSecret = family.Field{} }, Misconfigured, Attention, keeper.Misconfigured,
		"NEEDS ATTENTION: A_CLIENT_SECRET is missing or not filled in: " + secretA, secretA},

	{"an outage", func(s *Survey) { failed(s, atlassian.Transient, "", 5*time.Minute) }, Failing, Attention, keeper.Failed,
		"NEEDS ATTENTION: rotations fail since 05:55Z, and every tick tries again: an outage passes; if https://status.atlassian.com shows none: " + doctorA, doctorA},
	{"the store takes no writes", func(s *Survey) {
		s.Tick = &Tick{now.Add(-time.Minute), keeper.Failed, "the ledger cannot be written: denied"}
	}, Failing, Attention, keeper.Failed, "NEEDS ATTENTION: the tick at 05:59Z failed: the ledger cannot be written: denied: " + doctorA, doctorA},
	{"postponed", func(s *Survey) {
		s.Tick = &Tick{now.Add(-time.Minute), keeper.Postponed, "the tick's time was up"}
	}, Postponed, Attention, keeper.Postponed,
		"NEEDS ATTENTION: the tick at 05:59Z had no time for it: if that lasts, give ticks more time: ParameterStoreThroughput: higher, or keep some of the connections in another stack",
		"give ticks more time: ParameterStoreThroughput: higher, or keep some of the connections in another stack"},

	{"no tick, and consumers still work", func(s *Survey) { older(s, 35*time.Minute) }, NoTick, Attention, keeper.Failed,
		"NEEDS ATTENTION: no tick since 05:40Z (55 minutes): see why: " + doctorA, doctorA},
	{"no tick for a day", func(s *Survey) { older(s, day24) }, NoTick, Broken, keeper.Failed,
		"BROKEN: no tick since 2026-11-26 05:40Z (1 day): see why: " + doctorA, doctorA},
	{"the access token ends", func(s *Survey) {
		older(s, 35*time.Minute)
		s.ClientID.Modified = s.Now.Add(-time.Minute) // then it is not known since when a tick should act
	}, Expiring, Attention, keeper.Failed, "NEEDS ATTENTION: the access token works for 5 minutes only, and was not rotated: ask for a tick: " + tickA, tickA},

	{"an older token in REFRESH_TOKEN", func(s *Survey) {
		s.State.Record.Past = s.State.Record.Past.With(family.FingerprintOf(atlassian.NewSecret("an-older-canary")))
		candidate(s, now.Add(-time.Minute), "an-older-canary")
	}, Foreign, Attention, keeper.Restored,
		"NEEDS ATTENTION: A_REFRESH_TOKEN was written over: it is an older token of this connection: the family goes on, and the next tick publishes its token again: find out who wrote there, then: " + tickA, tickA},
	{"an unknown token in REFRESH_TOKEN", func(s *Survey) { candidate(s, now.Add(-time.Minute)) }, Foreign, Attention, keeper.Restored,
		"NEEDS ATTENTION: REFRESH_TOKEN holds an unknown token since 05:59Z: the next tick asks Atlassian about it: " + tickA, tickA},
	{"REFRESH_TOKEN deleted", func(s *Survey) { s.RefreshToken = family.Field{} }, Foreign, Attention, keeper.Restored,
		"NEEDS ATTENTION: A_REFRESH_TOKEN was deleted: the family goes on, and the next tick publishes its token again: find out who wrote there, then: " + tickA, tickA},
	{"ACCESS_TOKEN written over", func(s *Survey) { s.AccessToken = field("nonsense", now) }, Foreign, Attention, keeper.Restored,
		"NEEDS ATTENTION: ACCESS_TOKEN does not hold the newest access token, so consumers may fail: the next tick mends it: " + tickA, tickA},
	{"the site is lost", func(s *Survey) { s.State.Record.SiteMissing, s.State.Record.SiteAskedAt = 2, now.Add(-time.Hour) }, SiteLost, Broken, keeper.Idle,
		"BROKEN: at 05:00Z the access token did not reach the site of CLOUD_ID any more, so consumers fail: let the site's administrator unblock the app, or correct CLOUD_ID, or consent again and choose the site: " + authorizeA,
		"let the site's administrator unblock the app, or correct CLOUD_ID, or consent again and choose the site: " + authorizeA},
	{"the site is missing in one answer", func(s *Survey) { s.State.Record.SiteMissing = 1 }, OK, Fine, keeper.Idle, "OK until 2027-11-25; nobody needs to act", "nothing"},
	{"a secret in the open", func(s *Survey) { s.Open = []string{"A_CLIENT_SECRET"} }, Exposed, Attention, keeper.Misconfigured,
		"NEEDS ATTENTION: A_CLIENT_SECRET is not encrypted: delete what is of type String and store it again as SecureString; then consent again, since others may have read it: " + authorizeA,
		"delete what is of type String and store it again as SecureString; then consent again, since others may have read it: " + authorizeA},
}

// candidate puts a value that the ledger does not know into REFRESH_TOKEN.
func candidate(s *Survey, at time.Time, value ...string) {
	value = append(value, "an-unknown-canary-0123456789")
	s.RefreshToken = field(value[0], at)
	s.RefreshToken.Version = 5
	s.Offers = []family.Field{s.RefreshToken}
}

func TestVerdict(t *testing.T) {
	for _, tt := range verdictCases {
		t.Run(tt.name, func(t *testing.T) {
			s := well()
			tt.change(&s)
			v := s.Verdict()
			require.Equal(t, tt.line, v.Line)
			require.Equal(t, tt.state, v.State)
			require.Equal(t, tt.level, v.Level)
			require.Equal(t, tt.action, v.Action)
			require.Equal(t, tt.do, v.Do)
			require.NotContains(t, v.Line+v.Reason, "canary")
		})
	}
}
