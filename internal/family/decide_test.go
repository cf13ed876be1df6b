package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const conn = "PSOXY_JIRA_CLOUD_"

var (
	now   = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)
	names = family.NamesOf(conn)
	nano  = time.Nanosecond
)

// params are the stored parameters of a case: by default a healthy connection
// at generation 7 whose access token was received ten minutes ago.
type params map[string]store.Entry

func healthy() params {
	p := params{}
	p.set(names.ClientID, "client-id", now.Add(-1000*time.Hour))
	p.set(names.ClientSecret, "client-secret", now.Add(-1000*time.Hour))
	p.set(names.RefreshToken, "refresh-7", now.Add(-10*time.Minute))
	p.set(names.AccessToken, "access-7", now.Add(-10*time.Minute))
	p.record(record())
	return p
}

func record() family.Record {
	return family.Record{
		Schema: 1, Connection: conn, AuthorizedAt: now.Add(-24 * time.Hour), AuthorizedAtSource: family.FromConsent,
		LifetimeDays: 365, Generation: 7, Refresh: fp("refresh-7"), Previous: []family.Fingerprint{fp("refresh-6")},
		Access: fp("access-7"), AccessExpiresAt: now.Add(50 * time.Minute), RotatedAt: now.Add(-10 * time.Minute),
	}
}

func (p params) set(name, value string, modified time.Time) {
	p[name] = store.Entry{Value: atlassian.NewSecret(value), Version: p[name].Version + 1, Modified: modified}
}

func (p params) record(r family.Record) {
	p.set(names.Family, r.Encode().Reveal(), now.Add(-10*time.Minute))
}

func (p params) lock(at time.Time, in family.Intent) {
	p.set(names.Lock, family.EncodeLock(at, in).Reveal(), at)
}

func fp(s string) family.Fingerprint { return family.FingerprintOf(atlassian.NewSecret(s)) }

func decide(p params, change ...func(*family.Snapshot)) family.Decision {
	s := family.NewSnapshot(conn, p)
	s.Process = "me"
	for _, f := range change {
		f(&s)
	}
	return family.Decide(s, now, family.DefaultPolicy())
}

func TestDecide(t *testing.T) {
	// ours is the intent of an earlier owner to spend the stored token.
	ours := func(first, attempt time.Duration) family.Intent {
		return family.Intent{Owner: "other/1", Spending: fp("refresh-7"), FirstSpend: now.Add(-first), Attempt: now.Add(-attempt)}
	}
	failed := func(class atlassian.Class, change func(*family.Failure)) func(params) {
		return func(p params) {
			r := record()
			r.AccessExpiresAt = now.Add(20 * time.Minute)
			f := family.Failure{Class: class.String(), At: now.Add(-5 * time.Minute), Count: 1, Token: r.Refresh,
				Credentials: family.NewSnapshot(conn, p).Credentials()}
			if change != nil {
				change(&f)
			}
			r.LastFailure = &f
			p.record(r)
		}
	}
	left := func(d time.Duration) func(params) {
		return func(p params) {
			r := record()
			r.AccessExpiresAt = now.Add(d)
			p.record(r)
		}
	}
	cases := []struct {
		name  string
		given func(params)
		want  family.Action
	}{
		{"a fresh access token", func(params) {}, family.Idle},
		{"25 minutes left", left(25 * time.Minute), family.Idle},
		{"a nanosecond less", func(p params) { left(25*time.Minute - time.Millisecond)(p) }, family.Rotate},
		{"the access token has expired", left(-time.Hour), family.Rotate},
		{"the clock went back over the last rotation", func(p params) {
			r := record()
			r.RotatedAt, r.AccessExpiresAt = now.Add(24*time.Hour), now.Add(25*time.Hour)
			p.record(r)
		}, family.Rotate},
		{"an access token that claims to live for years", left(10000 * time.Hour), family.Rotate},
		{"past the lifetime a family is kept all the same", func(p params) {
			r := record()
			r.AuthorizedAt, r.AccessExpiresAt = now.Add(-400*24*time.Hour), now.Add(time.Minute)
			p.record(r)
		}, family.Rotate},

		{"four hand-filled parameters", func(p params) { delete(p, names.Family) }, family.Rotate},
		{"nothing filled in", func(p params) { p.set(names.RefreshToken, "fill me", now); delete(p, names.Family) }, family.AwaitConsent},
		{"nothing there", func(p params) { delete(p, names.RefreshToken); delete(p, names.Family) }, family.AwaitConsent},
		{"a blank token", func(p params) { p.set(names.RefreshToken, " \n", now); delete(p, names.Family) }, family.AwaitConsent},
		{"a known family's token is gone", func(p params) { delete(p, names.RefreshToken) }, family.Misconfigured},
		{"white space around the token", func(p params) { p.set(names.RefreshToken, " refresh-7\n", now) }, family.Idle},
		{"the whole answer pasted", func(p params) { p.set(names.RefreshToken, `{"refresh_token":"x"}`, now) }, family.Misconfigured},
		{"no client id", func(p params) { delete(p, names.ClientID) }, family.Misconfigured},
		{"no client secret", func(p params) { p.set(names.ClientSecret, "fill me", now) }, family.Misconfigured},
		{"a token whose successor may not fit", func(p params) { p.set(names.RefreshToken, string(make8k()), now) }, family.Misconfigured},
		{"a record that is no JSON", func(p params) { p.set(names.Family, "hello", now) }, family.Misconfigured},
		{"an older token was written over the newest", func(p params) { p.set(names.RefreshToken, "refresh-6", now) }, family.Restore},

		{"another's fresh lock", func(p params) { p.lock(now.Add(-2*time.Minute+nano), ours(0, 0)) }, family.Contended},
		{"psoxy's fresh lock", func(p params) { p.set(names.Lock, "locked_1764000000000", now.Add(-time.Second)) }, family.Contended},
		{"a lock of this process", func(p params) {
			in := ours(time.Minute, time.Minute)
			in.Owner = "me/3"
			p.lock(now.Add(-time.Minute), in)
		}, family.Replay},
		{"a lock from slightly ahead", func(p params) { p.lock(now.Add(2*time.Minute), ours(0, 0)) }, family.Contended},
		{"a lock from the future", func(p params) {
			in := ours(-time.Hour, -time.Hour)
			p.lock(now.Add(time.Hour), in)
		}, family.LateProbe},
		{"a stale lock of a finished rotation", func(p params) {
			p.lock(now.Add(-5*time.Minute), family.Intent{Owner: "other/1", Spending: fp("refresh-6"), FirstSpend: now.Add(-5 * time.Minute)})
		}, family.Idle},
		{"a stale lock without a spend", func(p params) { p.lock(now.Add(-5*time.Minute), family.Intent{Owner: "other/1"}) }, family.Idle},

		{"in doubt, early in the leeway", func(p params) { p.lock(now.Add(-2*time.Minute), ours(2*time.Minute, 2*time.Minute)) }, family.Replay},
		{"in doubt, at the last moment", func(p params) { p.lock(now.Add(-5*time.Minute), ours(9*time.Minute-time.Millisecond, 9*time.Minute)) }, family.Replay},
		{"nine minutes after the only attempt, whose process may hold the answer", func(p params) {
			p.lock(now.Add(-9*time.Minute), ours(9*time.Minute, 9*time.Minute))
		}, family.HoldInDoubt},
		{"past the leeway of the first attempt, inside that of the last", func(p params) {
			p.lock(now.Add(-5*time.Minute), ours(10*time.Minute, 5*time.Minute))
		}, family.LateProbe},
		{"nobody can be holding the answer any more", func(p params) {
			p.lock(now.Add(-20*time.Minute), ours(20*time.Minute, 20*time.Minute))
		}, family.LateProbe},
		{"the answer was lost for certain", func(p params) {
			p.lock(now.Add(-12*time.Minute), ours(12*time.Minute, 12*time.Minute))
			failed(atlassian.Ambiguous, func(f *family.Failure) {
				f.At, f.FirstSpend = now.Add(-12*time.Minute), now.Add(-12*time.Minute)
			})(p)
		}, family.LateProbe},
		{"in doubt by the record alone", failed(atlassian.Ambiguous, func(f *family.Failure) { f.FirstSpend = now.Add(-5 * time.Minute) }), family.Replay},
		{"psoxy's stale lock, no token written since", func(p params) {
			p.set(names.RefreshToken, "refresh-7", now.Add(-30*time.Minute))
			p.set(names.Lock, "locked_x", now.Add(-3*time.Minute))
		}, family.Replay},
		{"psoxy's stale lock, but it wrote its token", func(p params) {
			p.set(names.RefreshToken, "refresh-7", now.Add(-2*time.Minute))
			p.set(names.Lock, "locked_x", now.Add(-3*time.Minute))
		}, family.Idle},
		{"psoxy died between its two writes: the access token is all that is left", func(p params) {
			p.set(names.RefreshToken, "refresh-7", now.Add(-60*time.Minute))
			p.set(names.AccessToken, "access-8", now.Add(-29*time.Minute))
			p.set(names.Lock, "locked_x", now.Add(-30*time.Minute))
		}, family.HoldInDoubt},

		{"refused for good", failed(atlassian.Permanent, nil), family.StayStopped},
		{"refused, and replaced since", func(p params) {
			failed(atlassian.Permanent, nil)(p)
			p.set(names.RefreshToken, "new-consent", now)
		}, family.Rotate},
		{"refused under another app's id, which was put right since", func(p params) {
			failed(atlassian.Permanent, nil)(p)
			p.set(names.ClientID, "the right app", now)
		}, family.Rotate},
		{"refused, and it is not written down with which credentials", failed(atlassian.Permanent, func(f *family.Failure) { f.Credentials = "" }), family.StayStopped},
		{"credentials refused, count edited by hand", failed(atlassian.Configuration, func(f *family.Failure) { f.Count = -3; f.At = now.Add(-time.Minute) }), family.Misconfigured},
		{"credentials refused", failed(atlassian.Configuration, func(f *family.Failure) { f.Count = 2 }), family.Misconfigured},
		{"credentials refused, time for another attempt", failed(atlassian.Configuration, nil), family.Rotate},
		{"credentials refused often", failed(atlassian.Configuration, func(f *family.Failure) { f.Count = 1 << 40; f.At = now.Add(-59 * time.Minute) }), family.Misconfigured},
		{"credentials changed", func(p params) {
			failed(atlassian.Configuration, func(f *family.Failure) { f.Count = 9 })(p)
			p.set(names.ClientSecret, "the right one", now)
		}, family.Rotate},
		{"not understood", failed(atlassian.Malformed, func(f *family.Failure) { f.Count = 2 }), family.HoldRetry},
		{"not understood, time for another attempt", failed(atlassian.Malformed, nil), family.Rotate},
		{"asked to wait", failed(atlassian.Transient, func(f *family.Failure) { f.RetryAt = now.Add(time.Minute) }), family.HoldRetry},
		{"waited", failed(atlassian.Transient, func(f *family.Failure) { f.RetryAt = now }), family.Rotate},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := healthy()
			c.given(p)
			d := decide(p)
			require.Equal(t, c.want, d.Action, d.Reason)
			require.NotEmpty(t, d.Reason)
			for _, e := range []string{names.RefreshToken, names.ClientSecret} {
				if v := p[e].Value.Reveal(); v != "" && v != "fill me" && len(v) > 3 {
					require.NotContains(t, d.Reason, v)
				}
			}
		})
	}
}

func make8k() []byte {
	b := make([]byte, store.MaxValueBytes)
	for i := range b {
		b[i] = 'x'
	}
	return b
}

func TestDecideSavesWhatIsHeldFirst(t *testing.T) {
	p := healthy()
	d := decide(p, func(s *family.Snapshot) { s.Held = &family.Held{Record: record()} })
	require.Equal(t, family.SaveHeld, d.Action)
	p.lock(now, family.Intent{Owner: "other/1"})
	d = decide(p, func(s *family.Snapshot) { s.Held = &family.Held{Record: record()} })
	require.Equal(t, family.Contended, d.Action, "never without the lock")
}

// The newest attempt is known, and earlier ones of its tick may have arrived first.
func TestLastChance(t *testing.T) {
	for _, c := range []struct {
		first, last time.Duration // ago
		want        bool
	}{
		{3 * time.Minute, 3 * time.Minute, false},
		{5 * time.Minute, 5 * time.Minute, true},
		{9 * time.Minute, 9 * time.Minute, false},
		{20 * time.Minute, 3 * time.Minute, true},
		{20 * time.Minute, time.Minute, false},
		{20 * time.Minute, 9 * time.Minute, false},
	} {
		d := family.Decision{Action: family.LateProbe, FirstSpend: now.Add(-c.first), LastSpend: now.Add(-c.last)}
		require.Equal(t, c.want, d.LastChance(now), "first %s ago, last %s ago", c.first, c.last)
	}
}
