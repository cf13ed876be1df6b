package family_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// decide decides about a healthy connection with these changes.
func decide(change ...func(*family.Snapshot)) family.Decision {
	s := healthy()
	for _, f := range change {
		f(&s)
	}
	return family.Decide(s, family.DefaultPolicy())
}

type given = func(*family.Snapshot)

// all applies several changes.
func all(changes ...given) given {
	return func(s *family.Snapshot) {
		for _, f := range changes {
			f(s)
		}
	}
}

// left leaves so much of the access token's life.
func left(d time.Duration) given {
	return func(s *family.Snapshot) { s.State.Record.AccessExpiresAt = now.Add(d) }
}

// rotated sets how long ago the last rotation was.
func rotated(ago time.Duration) given {
	return func(s *family.Snapshot) { s.State.Record.RotatedAt = now.Add(-ago) }
}

// dueAnyway makes a rotation due, so that what holds it back shows.
func dueAnyway(s *family.Snapshot) { left(20 * time.Minute)(s); rotated(40 * time.Minute)(s) }

// failed is a last failure of the token in use, so long ago, of which it was the count-th.
func failed(class atlassian.Class, ago time.Duration, count int, change ...func(*family.Failure)) given {
	return func(s *family.Snapshot) {
		dueAnyway(s)
		f := &family.Failure{Class: class.String(), At: now.Add(-ago), Since: now.Add(-ago), Count: count, Token: s.State.Record.Refresh, Credentials: s.Credentials()}
		for _, c := range change {
			c(f)
		}
		s.State.Record.LastFailure = f
	}
}

func TestDecideWhatIsDue(t *testing.T) {
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
	}{
		{"a fresh access token", func(*family.Snapshot) {}, family.Idle},
		{"25 minutes left", left(25 * time.Minute), family.Idle},
		{"a nanosecond less", left(25*time.Minute - nano), family.Rotate},
		{"it has expired", left(-time.Hour), family.Rotate},
		{"it is not known how long it lives", func(s *family.Snapshot) { s.State.Record.AccessExpiresAt = time.Time{} }, family.Rotate},
		{"it claims 24 hours and two minutes", left(24*time.Hour + 2*time.Minute), family.Idle},
		{"it claims more", left(24*time.Hour + 2*time.Minute + nano), family.Rotate},
		{"just rotated, and the token lives for minutes only", all(left(time.Minute), rotated(210*time.Second-nano)), family.Idle},
		{"a back-off later", all(left(time.Minute), rotated(210*time.Second)), family.Rotate},
		{"the store tells whole seconds: rotated in the next one", all(left(time.Minute), rotated(-time.Second)), family.Idle},
		{"the clock went back over the last rotation", all(left(20*time.Minute), rotated(-2*time.Minute)), family.Rotate},
		{"past the lifetime a family is kept all the same", all(dueAnyway, func(s *family.Snapshot) { s.State.Record.AuthorizedAt = now.Add(-400 * 24 * time.Hour) }), family.Rotate},
		{"ACCESS_TOKEN was written over", func(s *family.Snapshot) { s.AccessToken.Value = secret("another-access-token") }, family.Rotate},
		{"and this process can publish it", func(s *family.Snapshot) {
			s.AccessToken.Value, s.HoldsAccess = secret("another-access-token"), true
		}, family.Idle},
		{"and we have just rotated", all(rotated(210*time.Second-nano), func(s *family.Snapshot) { s.AccessToken.Value = secret("another-access-token") }), family.Idle},
		{"and it cannot be read", func(s *family.Snapshot) {
			s.AccessToken, s.Denied = family.Field{}, []string{names.AccessToken}
		}, family.Idle},
		{"ACCESS_TOKEN was deleted", func(s *family.Snapshot) { s.AccessToken = family.Field{} }, family.Rotate},

		{"no client id", func(s *family.Snapshot) { s.ClientID = family.Field{} }, family.Misconfigured},
		{"no client secret", func(s *family.Snapshot) { s.ClientSecret = field("fill me", 1, now) }, family.Misconfigured},
		{"neither, but a consent's app", func(s *family.Snapshot) {
			s.ClientID, s.ClientSecret = family.Field{}, family.Field{}
			s.State.App = &atlassian.App{ClientID: "id", ClientSecret: secret("secret")}
		}, family.Idle},
		{"a token whose successor may just fit", all(dueAnyway, func(s *family.Snapshot) { s.State = own(strings.Repeat("x", 8192-1500), "") }, dueAnyway), family.Rotate},
		{"one that is a byte longer", all(func(s *family.Snapshot) { s.State = own(strings.Repeat("x", 8192-1499), "") }, dueAnyway), family.Misconfigured},

		{"an empty ledger", func(s *family.Snapshot) { s.State = family.State{} }, family.Adopt},
		{"and nothing filled in", func(s *family.Snapshot) {
			s.State, s.RefreshToken = family.State{}, field("fill me", 1, now)
		}, family.AwaitingConsent},
		{"and nothing there", func(s *family.Snapshot) { s.State, s.RefreshToken = family.State{}, family.Field{} }, family.AwaitingConsent},
		{"and a record all the same", func(s *family.Snapshot) {
			s.State, s.RefreshToken, s.Family = family.State{}, family.Field{}, store.Entry{Value: record().Encode()}
		}, family.Adopt},
		{"and no access to REFRESH_TOKEN", func(s *family.Snapshot) {
			s.State, s.RefreshToken, s.Denied = family.State{}, family.Field{}, []string{names.RefreshToken}
		}, family.Misconfigured},
	} {
		t.Run(c.name, func(t *testing.T) { requireAction(t, c.want, decide(c.given)) })
	}
}

func requireAction(t *testing.T, want family.Action, d family.Decision) {
	t.Helper()
	require.Equal(t, want, d.Action, d.Reason)
	require.NotEmpty(t, d.Reason)
	requireNoSecret(t, d.Reason+d.Notice, refresh(7), access(7), "client-secret")
}

func TestDecideAfterAFailure(t *testing.T) {
	retry := func(d time.Duration) func(*family.Failure) {
		return func(f *family.Failure) { f.RetryAt = now.Add(d) }
	}
	old := func(d time.Duration) func(*family.Failure) {
		return func(f *family.Failure) { f.Since = now.Add(-d) }
	}
	adopted := func(s *family.Snapshot) {
		s.State.Record.RotatedAt, s.State.Record.AuthorizedAtSource = time.Time{}, family.FromAdoption
	}
	coded := func(f *family.Failure) { f.Code = "invalid_request" }
	otherApp := func(f *family.Failure) { f.Credentials = fp("another app") }
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
	}{
		{"asked to wait", failed(atlassian.Transient, time.Minute, 1, retry(nano)), family.Failed},
		{"waited", failed(atlassian.Transient, time.Minute, 1, retry(0)), family.Rotate},
		{"not asked to wait", failed(atlassian.Transient, 0, 9), family.Rotate},
		{"asked to wait for a day, an hour ago", failed(atlassian.Transient, time.Hour, 1, retry(86400*time.Second)), family.Rotate},
		{"asked to wait for a day, less than an hour ago", failed(atlassian.Transient, time.Hour-nano, 1, retry(86400*time.Second)), family.Failed},
		{"asked to wait into the last minutes of the access token", all(failed(atlassian.Transient, time.Minute, 1, retry(time.Hour)), left(5*time.Minute)), family.Failed},
		{"the same, and a back-off is over", all(failed(atlassian.Transient, 210*time.Second, 1, retry(time.Hour)), left(5*time.Minute)), family.Rotate},
		{"asked to wait until just before them", all(failed(atlassian.Transient, time.Minute, 1, retry(time.Hour)), left(5*time.Minute+nano)), family.Failed},
		{"asked to wait, of another token", failed(atlassian.Transient, time.Minute, 1, retry(time.Hour), func(f *family.Failure) { f.Token = fp("another") }), family.Rotate},
		{"a failure of the future", failed(atlassian.Transient, -2*time.Minute-nano, 1, retry(time.Hour)), family.Rotate},

		{"credentials refused, a back-off ago", failed(atlassian.Configuration, 210*time.Second, 1), family.Rotate},
		{"credentials refused, less than a back-off ago", failed(atlassian.Configuration, 210*time.Second-nano, 1), family.Misconfigured},
		{"credentials refused twice", failed(atlassian.Configuration, 210*time.Second, 2, old(8*time.Minute)), family.Rotate},
		{"credentials refused twice, by what may stand before Atlassian", failed(atlassian.Configuration, 210*time.Second-nano, 2, old(7*time.Minute)), family.Misconfigured},
		{"the last chance in the leeway comes earlier", failed(atlassian.Configuration, 2*time.Minute, 2, old(450*time.Second)), family.Rotate},
		{"credentials refused for less than twenty minutes", failed(atlassian.Configuration, 7*time.Minute, 9, old(26*time.Minute)), family.Rotate},
		{"credentials refused for a leeway", failed(atlassian.Configuration, 14*time.Minute-nano, 3, old(34*time.Minute)), family.Misconfigured},
		{"credentials refused for a leeway, and waited", failed(atlassian.Configuration, 14*time.Minute, 3, old(34*time.Minute)), family.Rotate},
		{"credentials refused often: an hour at most", failed(atlassian.Configuration, 56*time.Minute, 1<<40, old(9*time.Hour)), family.Rotate},
		{"and just less", failed(atlassian.Configuration, 56*time.Minute-nano, 1<<40, old(9*time.Hour)), family.Misconfigured},
		{"a count that a person edited", failed(atlassian.Configuration, 210*time.Second-nano, -3), family.Misconfigured},
		{"credentials refused, and changed since", failed(atlassian.Configuration, 0, 9, otherApp), family.Rotate},

		{"not understood, less than a back-off ago", failed(atlassian.Malformed, 210*time.Second-nano, 1), family.Failed},
		{"not understood, a back-off ago", failed(atlassian.Malformed, 210*time.Second, 1), family.Rotate},
		{"not understood four times within an hour: no refusal", failed(atlassian.Malformed, 32*time.Minute, 4, old(92*time.Minute-nano), coded), family.Rotate},
		{"not understood four times, for an hour: a refusal", failed(atlassian.Malformed, 32*time.Minute, 4, old(92*time.Minute), coded), family.Refused},
		{"a firewall's page for hours: no refusal", failed(atlassian.Malformed, time.Hour, 9, old(5*time.Hour)), family.Rotate},
		{"not understood three times, for hours: no refusal", failed(atlassian.Malformed, 32*time.Minute, 3, old(5*time.Hour), coded), family.Rotate},

		{"refused less than a minute ago", failed(atlassian.Permanent, time.Minute-nano, 1), family.Refused},
		{"refused a minute ago: it may have been a mistake", failed(atlassian.Permanent, time.Minute, 1), family.Probe},
		{"refused twice within minutes: the answer with the successor may have been replaced", failed(atlassian.Permanent, 210*time.Second, 2, old(6*time.Minute)), family.Probe},
		{"and less than a back-off ago", failed(atlassian.Permanent, 210*time.Second-nano, 2, old(6*time.Minute)), family.Refused},
		{"refused in a leeway, less than an hour ago", failed(atlassian.Permanent, time.Hour-nano, 3, old(66*time.Minute)), family.Refused},
		{"refused in a leeway, an hour ago", failed(atlassian.Permanent, time.Hour, 3, old(66*time.Minute)), family.Probe},
		{"an adopted one, refused a minute ago: another may be the right one", all(failed(atlassian.Permanent, time.Minute, 1), adopted), family.Probe},
		{"refused three times, less than six hours ago", failed(atlassian.Permanent, 6*time.Hour-nano, 3, old(8*time.Hour)), family.Refused},
		{"refused three times, six hours ago", failed(atlassian.Permanent, 6*time.Hour, 3, old(8*time.Hour)), family.Probe},
		{"refused within the store's second", failed(atlassian.Permanent, -time.Second, 1), family.Refused},
		{"refused, by a clock that was ahead", failed(atlassian.Permanent, -time.Hour, 1), family.Probe},
		{"refused under another app's id, put right since", failed(atlassian.Permanent, time.Minute, 1, otherApp), family.Rotate},
		{"refused, and it is not written down with which credentials", failed(atlassian.Permanent, time.Minute-nano, 1, func(f *family.Failure) { f.Credentials = "" }), family.Refused},
		{"another token was refused", failed(atlassian.Permanent, time.Minute, 1, func(f *family.Failure) { f.Token = fp("another") }), family.Rotate},
	} {
		t.Run(c.name, func(t *testing.T) { requireAction(t, c.want, decide(c.given)) })
	}
}

// Others at work are left alone for two minutes by the store's clock.
func TestDecideBesideOthers(t *testing.T) {
	intent := func(owner string, ago time.Duration) given {
		return func(s *family.Snapshot) {
			dueAnyway(s)
			s.State.Intent = &family.Intent{Owner: owner, Token: fp(refresh(7)), First: now.Add(-ago), Last: now.Add(-ago)}
		}
	}
	lock := func(ago time.Duration) given {
		return func(s *family.Snapshot) { s.Lock = field("locked_1764000000000", 3, now.Add(-ago)) }
	}
	hold := func(s *family.Snapshot) {
		r := receipt(now.Add(-time.Minute))
		s.Held = &r
	}
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
	}{
		{"another's intent", intent("other", 2*time.Minute-nano), family.Contended},
		{"a stale one", intent("other", 2*time.Minute), family.Replay},
		{"one from slightly ahead", intent("other", -2*time.Minute), family.Contended},
		{"our own: this process has just been here", intent("me", time.Second), family.Replay},
		{"one whose answer was lost for certain", intent("", time.Second), family.Replay},
		{"another's, about a candidate", func(s *family.Snapshot) {
			s.State.Intent = &family.Intent{Owner: "other", Token: fp("candidate"), Candidate: 9, First: now, Last: now}
		}, family.Contended},
		{"psoxy's lock", lock(2*time.Minute - nano), family.Contended},
		{"psoxy's lock, while a pair is held", all(hold, lock(time.Second)), family.Contended},
		{"psoxy's lock of a rotation that we have seen", lock(10*time.Minute + nano), family.Idle},
		{"psoxy's lock that it left behind", lock(2 * time.Minute), family.Replay},
		{"a held pair", hold, family.SettleHeld},
		{"a held pair, and another's intent", all(intent("other", 0), hold), family.Contended},
		{"a held pair, and another presented the token since", all(intent("", 30*time.Second), hold), family.Replay},
		{"a held pair, and another presented the token before", all(intent("", 61*time.Second), hold), family.SettleHeld},
		{"a held pair comes before a missing app", all(hold, func(s *family.Snapshot) { s.ClientID = family.Field{} }), family.SettleHeld},
	} {
		t.Run(c.name, func(t *testing.T) { requireAction(t, c.want, decide(c.given)) })
	}
	t.Run("a spend of theirs is dated", func(t *testing.T) {
		for _, candidate := range []int64{0, 9} {
			d := decide(intent("other", minute), func(s *family.Snapshot) { s.State.Intent.Candidate = candidate })
			require.Equal(t, now.Add(-minute), d.FirstSpend)
			require.True(t, d.Urgent(now), "its leeway runs, and they may have died")
		}
	})
	t.Run("a lock over an empty ledger may tell of a spend", func(t *testing.T) {
		for _, value := range []string{"locked_1764000000000", `locked_1764000000000 {"owner":"the first edition"}`} {
			d := decide(func(s *family.Snapshot) { s.State, s.Lock = family.State{}, field(value, 3, now.Add(-3*minute)) })
			requireAction(t, family.Adopt, d)
			require.Equal(t, now.Add(-3*minute), d.FirstSpend)
		}
	})
	t.Run("while the own token is refused inside its leeway, what may be its successor is asked about in turn", func(t *testing.T) {
		for _, c := range []struct {
			name      string
			asked     time.Duration
			stored    time.Time
			candidate int64
		}{
			{"before the own token was refused", 3 * time.Second, now.Add(-minute), 9},
			{"after it", time.Second, now.Add(-minute), 0},
			{"a stranger", 3 * time.Second, time.Time{}, 0},
		} {
			d := decide(failed(atlassian.Permanent, 2*time.Second, 1), intent("", 5*time.Second), func(s *family.Snapshot) {
				s.State.Record.RotatedAt = now.Add(-40 * minute)
				s.State.Inbox.Kin = 9
				s.State.Inbox.Rejected = []family.Rejected{{Version: 9, Credentials: s.Credentials(), At: now.Add(-c.asked), Count: 2, Stored: c.stored}}
				s.RefreshToken = field(refresh(109), 9, now.Add(-minute))
				s.Offers = []family.Field{s.RefreshToken}
			})
			require.Equal(t, c.candidate, d.Candidate.Version, c.name)
			require.True(t, d.Action.Presents(), c.name)
		}
	})
	t.Run("for how long is said", func(t *testing.T) {
		require.Contains(t, decide(lock(time.Minute)).Reason, now.Add(-time.Minute).Format(time.RFC3339))
	})
}

func TestActions(t *testing.T) {
	for a, want := range map[family.Action]bool{
		family.Rotate: true, family.Replay: true, family.Probe: true,
		family.Idle: false, family.Rotated: false, family.Adopt: false, family.SettleHeld: false,
	} {
		require.Equal(t, want, a.Presents(), a)
	}
}

// A person learns whether the stored token may be a wrong one.
func TestWhatToDoAboutARefusedToken(t *testing.T) {
	adopted := func(s *family.Snapshot) { s.State.Record.RotatedAt = time.Time{} }
	require.Contains(t, decide(refusedSince(10*time.Second)).Reason, "): consent again")
	require.Contains(t, decide(adopted, refusedSince(10*time.Second)).Reason, "store the right one in "+names.RefreshToken+", or consent again")
}
