package family_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// A stranger that was refused once may be good, and gets a second look before the own token is
// rotated. A program may write strangers time and again: that must not starve the own token.
func TestTheOwnTokenWaitsForAStranger(t *testing.T) {
	strangers := func(ago ...time.Duration) given {
		return func(s *family.Snapshot) {
			for n, at := range ago {
				s.State.Inbox.Rejected = append(s.State.Inbox.Rejected, family.Rejected{Version: int64(9 - n), Credentials: s.Credentials(), At: now.Add(-at), Count: 1})
			}
		}
	}
	left := func(left time.Duration) given {
		return func(s *family.Snapshot) { s.State.Record.AccessExpiresAt = now.Add(left) }
	}
	ownFailed := func(ago time.Duration) given {
		return func(s *family.Snapshot) {
			at := now.Add(-ago)
			s.State.Record.LastFailure = &family.Failure{Class: atlassian.Transient.String(), Token: fp(refresh(7)), Count: 1, At: at, Since: at, First: at}
		}
	}
	successor := func(s *family.Snapshot) { s.State.Inbox.Rejected[0].Stored = now.Add(-minute) }
	once := strangers(minute / 2)
	for _, c := range []struct {
		name  string
		given given
		want  family.Action
	}{
		{"refused once", all(once, left(20*minute)), family.Idle},
		{"refused once, and the access token has ended: the own one may have been rotated by hand", all(once, left(-minute)), family.Idle},
		{"four within an hour", all(strangers(minute/2, 20*minute, 40*minute, time.Hour-nano), left(20*minute)), family.Rotate},
		{"three within an hour", all(strangers(minute/2, 20*minute, 40*minute, time.Hour), left(20*minute)), family.Idle},
		{"four, but one of them may be the own one's successor", all(strangers(minute/2, 20*minute, 40*minute, 50*minute), successor, left(20*minute)), family.Idle},
		{"the own token failed, and its leeway is open", all(once, ownFailed(usable-nano), left(20*minute)), family.Rotate},
		{"the own token failed, but it may be the own one's successor", all(once, successor, ownFailed(usable-nano), left(20*minute)), family.Idle},
		{"the own token failed, but psoxy rotates too", all(beside, once, ownFailed(usable-nano), left(20*minute)), family.Idle},
		{"the own token failed, and its leeway is over", all(once, ownFailed(usable), left(20*minute)), family.Idle},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := decide(rotated(3*time.Hour), c.given)
			requireAction(t, c.want, d)
			require.Zero(t, d.Candidate.Version)
		})
	}
}
