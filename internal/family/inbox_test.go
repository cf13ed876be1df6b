package family_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const minute = time.Minute

// inbox lets REFRESH_TOKEN hold these values on top of our copy, which is version
// 8: 9 and on, written yesterday one after the other.
func inbox(values ...string) given {
	return func(s *family.Snapshot) {
		yesterday := now.Add(-24 * time.Hour)
		history := []store.Entry{{Value: secret(refresh(7)), Version: 8, Modified: yesterday}}
		for i, v := range values {
			history = append(history, store.Entry{Value: secret(v), Version: int64(9 + i), Modified: yesterday.Add(time.Duration(1+i) * time.Millisecond), By: "somebody"})
		}
		s.RefreshToken = family.FieldOf(history[len(history)-1])
		s.Offer(history)
	}
}

// pending sets how long ago version 9 was presented and its answer lost.
func pending(ago time.Duration) given {
	return func(s *family.Snapshot) {
		s.State.Inbox.Pending = []family.Pending{{Version: 9, Token: fp(refresh(109)), First: now.Add(-ago)}}
	}
}

// rejected sets how long ago Atlassian refused version 9, for the count-th time.
func rejected(ago time.Duration, count int) given {
	return func(s *family.Snapshot) {
		s.State.Inbox.Rejected = []family.Rejected{{Version: 9, Credentials: s.Credentials(), At: now.Add(-ago), Count: count}}
	}
}

// rejectedOf sets how long ago Atlassian refused a version, for the first time.
func rejectedOf(version int64, ago time.Duration) given {
	return func(s *family.Snapshot) {
		rejected(ago, 1)(s)
		s.State.Inbox.Rejected[0].Version = version
	}
}

// refusedAll says that Atlassian refused these versions two hours ago, for the second time.
func refusedAll(versions ...int64) given {
	return func(s *family.Snapshot) {
		for _, v := range versions {
			s.State.Inbox.Rejected = append(s.State.Inbox.Rejected, family.Rejected{Version: v, Credentials: s.Credentials(), At: now.Add(-120 * minute), Count: 2})
		}
	}
}

// misconfigured says that Atlassian refused the app when it was asked about a candidate.
func misconfigured(token string) given {
	return func(s *family.Snapshot) {
		s.State.Inbox.Failure = &family.Failure{Class: atlassian.Configuration.String(), At: now.Add(-minute), Count: 1, Token: fp(token), Credentials: s.Credentials()}
	}
}

func refusedOwn(s *family.Snapshot) { refusedSince(minute / 2)(s) }

// refusedSince says that Atlassian refused the ledger's own token, so long ago.
func refusedSince(ago time.Duration) given {
	return func(s *family.Snapshot) {
		s.State.Record = s.State.Record.Fail(family.Failure{Class: "permanent", At: now.Add(-ago), Token: fp(refresh(7)), Credentials: s.Credentials()})
	}
}

// unreadable denies access to REFRESH_TOKEN.
func unreadable(s *family.Snapshot) {
	s.Denied, s.RefreshToken = append(s.Denied, names.RefreshToken), family.Field{}
}

// kin says that version 9 was there when the ledger began.
func kin(s *family.Snapshot) { s.State.Inbox.Kin = 9 }

// refusedInDoubt says that the answer about a version was lost, so long ago, and that
// Atlassian refused it so much later.
func refusedInDoubt(version int64, ago, later time.Duration) given {
	return func(s *family.Snapshot) {
		s.State.Inbox.Rejected = []family.Rejected{{Version: version, Credentials: s.Credentials(), First: now.Add(-ago), At: now.Add(later - ago), Count: 1}}
	}
}

func otherApp(s *family.Snapshot) { s.ClientSecret = field("another-secret", 2, now) }

func doubted(ago time.Duration) given {
	return func(s *family.Snapshot) {
		s.State.Intent = &family.Intent{Token: fp(refresh(7)), First: now.Add(-ago), Last: now.Add(-ago)}
	}
}

func TestDecideAboutTheInbox(t *testing.T) {
	unknown, another := refresh(109), refresh(110)
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
		// candidate is its version, seen what is judged without it.
		candidate, seen int64
		// notice: people are told.
		notice bool
	}{
		{"our copy", inbox(), family.Idle, 0, 8, false},
		{"our copy, written again by somebody", inbox(refresh(7)), family.Idle, 0, 9, false},
		{"an unknown token", inbox(unknown), family.Rotate, 9, 8, false},
		{"two: the newest", inbox(unknown, another), family.Rotate, 10, 8, false},
		{"two: the own token's successor before a stranger", all(kin, inbox(unknown, another)), family.Rotate, 9, 8, false},
		{"two of one chain, and the answer of the one that was issued last is lost: the other is spent", all(pending(usable), inbox(rotating("second", now), rotating("second", now.Add(-minute)))), family.Probe, 9, 8, false},
		{"two: the one that was issued last", inbox(rotating("second", now), rotating("first", now.Add(-minute))), family.Rotate, 9, 8, false},
		{"two, and one tells no time: the newest", inbox(rotating("first", now), unknown), family.Rotate, 10, 8, false},
		{"one, and a placeholder over it", inbox(unknown, "CHANGE_ME"), family.Rotate, 9, 8, true},
		{"one, and our copy over it", inbox(unknown, refresh(7)), family.Rotate, 9, 8, false},
		{"one, and an older token over it", inbox(unknown, refresh(6)), family.Rotate, 9, 8, true},
		{"an older token", inbox(refresh(6)), family.Idle, 0, 9, true},
		{"an older token that was put right since", inbox(refresh(6), refresh(7)), family.Idle, 0, 10, false},
		{"a placeholder", inbox("CHANGE_ME"), family.Idle, 0, 9, true},
		{"a placeholder that was put right since", inbox("CHANGE_ME", refresh(7)), family.Idle, 0, 10, true},
		{"psoxy's placeholder", inbox("fill me"), family.Idle, 0, 9, true},
		{"deleted: its versions will count from 1 again", func(s *family.Snapshot) { s.RefreshToken = family.Field{} }, family.Idle, 0, 0, true},
		{"unreadable", unreadable, family.Idle, 0, 8, false},

		{"the own token in doubt comes before a stranger", all(doubted(3*minute), inbox(unknown)), family.Replay, 0, 8, false},
		{"the own token in doubt, and an older one", all(doubted(3*minute), inbox(refresh(6))), family.Replay, 0, 9, true},
		{"the own token refused", all(refusedOwn, inbox(unknown)), family.Rotate, 9, 8, false},

		{"a candidate in doubt", all(pending(3*minute), inbox(unknown)), family.Replay, 9, 8, false},
		{"a candidate in doubt comes before a newer one", all(pending(usable-nano), inbox(unknown, another)), family.Replay, 9, 8, false},
		{"after its leeway the newer one comes", all(pending(usable), inbox(unknown, another)), family.Rotate, 10, 8, false},
		{"after its leeway it is probed", all(pending(usable), inbox(unknown)), family.Probe, 9, 8, false},
		{"after its leeway the own token in doubt comes first", all(pending(usable), doubted(5*minute), inbox(unknown)), family.Replay, 0, 8, false},
		{"after its leeway a due rotation comes first", all(dueAnyway, pending(usable), inbox(unknown)), family.Rotate, 0, 8, false},
		{"after its leeway, the own refused", all(refusedOwn, pending(usable), inbox(unknown)), family.Probe, 9, 8, false},

		{"a candidate in doubt that cannot be read is waited for", all(pending(usable-nano), unreadable), family.InDoubt, 0, 8, false},
		{"until its leeway is over", all(pending(usable), unreadable), family.Idle, 0, 8, false},
		{"a due rotation comes first", all(dueAnyway, pending(minute), unreadable), family.Rotate, 0, 8, false},
		{"after its leeway, the own one waiting for better credentials", all(failed(atlassian.Configuration, minute, 1), pending(usable), inbox(unknown)), family.Probe, 9, 8, false},
		{"two whose leeway is over: first the one that may be the own token's successor", all(kin, pending(20*minute), refusedInDoubt(10, 30*minute, 5*minute), inbox(unknown, another)), family.Probe, 9, 8, false},
		{"one whose leeway is over, and a newer one that was refused once", all(pending(20*minute), rejectedOf(10, minute-nano), inbox(unknown, another)), family.InDoubt, 0, 8, true},
		{"the newer one's second look", all(pending(20*minute), rejectedOf(10, minute), inbox(unknown, another)), family.Rotate, 10, 8, false},

		{"a rejected one, before its second look", all(rejected(minute-nano, 1), inbox(unknown)), family.Idle, 0, 9, true},
		{"the second look comes before a due rotation", all(dueAnyway, rejected(minute-nano, 1), inbox(unknown)), family.Idle, 0, 9, true},
		{"a rejected one, credentials changed", all(rejected(0, 1), otherApp, inbox(unknown)), family.Rotate, 9, 8, false},
		{"a rejected one, credentials changed, and a rotation is due", all(dueAnyway, rejected(0, 2), otherApp, inbox(unknown)), family.Rotate, 9, 8, false},
		{"a rejected one, credentials changed, a rotation is due, and it cannot be read", all(dueAnyway, rejected(0, 1), otherApp, unreadable), family.Rotate, 0, 8, false},
		{"a rejected one, before its second look, the own refused", all(refusedOwn, rejected(minute-nano, 1), inbox(unknown)), family.Refused, 0, 9, true},
		{"a rejected one, the own refused, at its second look", all(refusedOwn, rejected(minute, 1), inbox(unknown)), family.Rotate, 9, 8, false},
		{"a rejected one, the own refused, before the fourth look", all(refusedOwn, rejected(360*minute-nano, 3), inbox(unknown)), family.Refused, 0, 9, true},
		{"a rejected one has a turn before each of the own token's", all(refusedSince(60*minute), rejected(61*minute, 3), inbox(unknown)), family.Rotate, 9, 8, false},
		{"and then the own token", all(refusedSince(60*minute), rejected(0, 4), inbox(unknown)), family.Probe, 0, 9, true},
		{"a rejected one, at its second look", all(rejected(minute, 1), inbox(unknown)), family.Rotate, 9, 8, false},
		{"rejected twice, within the hour", all(rejected(60*minute-nano, 2), inbox(unknown)), family.Idle, 0, 9, true},
		{"rejected twice, and a rotation is due", all(dueAnyway, rejected(60*minute-nano, 2), inbox(unknown)), family.Rotate, 0, 9, true},
		{"rejected twice, an hour later", all(rejected(60*minute, 2), inbox(unknown)), family.Rotate, 9, 8, false},
		{"rejected three times, six hours later", all(rejected(360*minute, 3), inbox(unknown)), family.Rotate, 9, 8, false},
		{"rejected four times", all(rejected(24*60*minute, 4), inbox(unknown)), family.Idle, 0, 9, true},
		{"rejected four times, the own refused", all(refusedOwn, rejected(24*60*minute, 4), inbox(unknown)), family.Rotate, 9, 8, false},
		{"a rejected one that stood there when the ledger began, which has rotated since", all(rejected(60*minute, 2), func(s *family.Snapshot) { s.State.Inbox.Rejected[0].Stored = now }, inbox(unknown)), family.Idle, 0, 9, true},
		{"two refused ones and the own, and the older of them was stored again: the newer one", all(refusedSince(60*minute), refusedAll(9, 10, 12), inbox(unknown, another, refresh(7), unknown)), family.Rotate, 10, 8, false},
		{"the own token's successor after its leeway, and a stranger that waits for better credentials", all(dueAnyway, kin, pending(20*minute), misconfigured(another), inbox(unknown, another)), family.Misconfigured, 0, 8, false},
		{"a newer one beside a rejected one", all(rejected(minute, 2), inbox(unknown, another)), family.Rotate, 10, 9, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			stands := int64(0)
			d := decide(c.given, func(s *family.Snapshot) { stands = s.RefreshToken.Version })
			requireAction(t, c.want, d)
			require.Equal(t, c.candidate, d.Candidate.Version)
			require.Equal(t, c.seen, d.Seen)
			require.Equal(t, c.notice, d.Notice != "", d.Notice)
			require.Equal(t, c.seen < stands, d.Keep, "what is not judged stays")
			requireNoSecret(t, d.Reason+d.Notice, unknown, another)
		})
	}
	t.Run("who wrote it is said", func(t *testing.T) {
		require.Contains(t, decide(inbox("CHANGE_ME")).Notice, "by somebody")
		require.Contains(t, decide(inbox(unknown)).Reason, "by somebody")
	})
	t.Run("a refusal settles a doubt when its leeway is over", func(t *testing.T) {
		require.Equal(t, now.Add(-20*minute), decide(refusedInDoubt(9, 20*minute, usable-nano), inbox(unknown)).FirstSpend)
		require.Zero(t, decide(refusedInDoubt(9, 20*minute, usable), inbox(unknown)).FirstSpend)
	})
	t.Run("what cannot be read is not judged", func(t *testing.T) {
		denied := func(s *family.Snapshot) { s.RefreshToken, s.Denied = family.Field{}, []string{names.RefreshToken} }
		for name, ours := range map[string]family.Judged{"but before": {}, "but by this process": {Seen: 3, Modified: now.Add(-minute)}} {
			t.Run(name, func(t *testing.T) {
				theirs := family.Judged{Seen: 8, Modified: now.Add(-time.Hour)}
				d := decide(denied, func(s *family.Snapshot) { s.State.Inbox.Judged, s.Judged = theirs, ours })
				want := theirs
				if ours.Seen > 0 {
					want = ours // REFRESH_TOKEN was deleted and begun anew since
				}
				require.Equal(t, want, d.Judged)
			})
		}
	})
	t.Run("once", func(t *testing.T) {
		judged := func(s *family.Snapshot) { s.Judged = family.Judged{Seen: 9} }
		require.Empty(t, decide(inbox("CHANGE_ME"), judged).Notice)
	})
}

// The history of REFRESH_TOKEN is read only where something may be in it that
// nobody has judged.
func TestInboxSettled(t *testing.T) {
	at := func(version int64, value string) given {
		return func(s *family.Snapshot) { s.RefreshToken = field(value, version, now.Add(-11*minute)) }
	}
	anew := func(s *family.Snapshot) { s.RefreshToken.Modified = now.Add(-minute) }
	seen24 := func(s *family.Snapshot) { s.State.Inbox.Seen = 24 }
	judged := func(s *family.Snapshot) { s.Judged = family.Judged{Seen: 12, Modified: now.Add(-2 * minute)} }
	for _, c := range []struct {
		name  string
		given given
		want  bool
	}{
		{"what was seen", at(8, refresh(7)), true},
		{"what was seen, and is no token", at(8, "CHANGE_ME"), true},
		{"our copy, just after what was seen", all(at(25, refresh(7)), seen24), true},
		{"our copy, and one between", all(at(26, refresh(7)), seen24), false},
		{"our copy in a young parameter, which may have begun anew", at(9, refresh(7)), false},
		{"something else", at(9, "CHANGE_ME"), false},
		{"judged by this process", all(at(12, refresh(7)), judged), true},
		{"deleted, and begun anew up to what was seen", all(at(8, refresh(9)), func(s *family.Snapshot) {
			s.State.Inbox.Modified = s.RefreshToken.Modified
		}, anew), false},
		{"deleted, and begun anew up to what this process has judged", all(at(12, refresh(9)), judged, anew), false},
		{"an older reading", at(7, refresh(7)), false},
		{"nothing, and nothing was seen", func(s *family.Snapshot) {
			s.RefreshToken, s.State.Inbox.Seen = family.Field{}, 0
		}, true},
		{"deleted", func(s *family.Snapshot) { s.RefreshToken = family.Field{} }, true},
		{"unreadable", unreadable, true},
		{"a candidate in doubt", pending(minute), false},
		{"a rejected one", rejected(minute-nano, 1), true},
		{"a rejected one whose turn it is", rejected(minute, 1), false},
		{"a rejected one, and other credentials", all(rejected(0, 1), otherApp), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy()
			c.given(&s)
			require.Equal(t, c.want, s.InboxSettled())
		})
	}
}

// REFRESH_TOKEN was deleted and created again, so its versions count from 1. The
// value is judged, even if something is known of a version with the same number.
func TestTheInboxBeginsAnew(t *testing.T) {
	const versions = 12
	for _, c := range []struct {
		name  string
		given given
	}{
		{"the ledger has seen it", func(*family.Snapshot) {}},
		{"this process has judged it", func(s *family.Snapshot) { s.Judged = family.Judged{Seen: versions, Modified: now.Add(-2 * minute)} }},
		{"the ledger knows a candidate in doubt", pending(5 * minute)},
		{"the ledger knows a rejected candidate", rejected(30*time.Second, 1)},
		{"the ledger knows the family's own", func(s *family.Snapshot) { s.State.Inbox.Kin = versions }},
	} {
		for version := int64(1); version <= versions; version++ {
			t.Run(fmt.Sprintf("%s, version %d", c.name, version), func(t *testing.T) {
				var history []store.Entry
				for v := int64(1); v < version; v++ {
					history = append(history, store.Entry{Value: secret("CHANGE_ME"), Version: v, Modified: now.Add(-time.Second)})
				}
				history = append(history, store.Entry{Value: secret(refresh(109)), Version: version, Modified: now.Add(-time.Second)})
				d := decide(c.given, func(s *family.Snapshot) {
					s.RefreshToken = family.FieldOf(history[len(history)-1])
					before := s.State.Encode()
					state := s.State
					require.False(t, s.InboxSettled())
					s.Offer(history)
					require.Zero(t, s.State.Inbox.Kin)
					require.Equal(t, before, state.Encode(), "the caller's state is its own")
				})
				requireAction(t, family.Rotate, d)
				require.Equal(t, version, d.Candidate.Version)
				require.Zero(t, d.FirstSpend)
				require.Equal(t, version-1, d.Seen)
			})
		}
	}
}
