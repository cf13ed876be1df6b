package keeper_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// REFRESH_TOKEN is deleted and begun again, by hand or by Terraform: its versions
// count from 1 again. A consent in any of them is found, for any numbers of the
// deleted parameter.
func TestAConsentInAnInboxThatBeginsAnew(t *testing.T) {
	const rotations = 3
	for before := range rotations + 4 {
		for after := range 3 {
			for _, fresh := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d values before it, %d after it, new process: %v", before, after, fresh), func(t *testing.T) {
					w := settledWorld(t)
					w.rotations(rotations)
					w.remove(names.RefreshToken)
					for range before {
						w.put(names.RefreshToken, "CHANGE_ME")
					}
					w.consent()
					for range after {
						w.put(names.RefreshToken, "CHANGE_ME")
					}
					if fresh {
						w.restart()
					}
					w.ticks(1, keeper.Rotated)
					w.requireKept()
					w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Restored)
					w.requireKept()
				})
			}
		}
	}
	t.Run("a tick after the deletion", func(t *testing.T) {
		w := settledWorld(t)
		w.rotations(rotations)
		w.remove(names.RefreshToken)
		w.ticks(1)
		w.consent()
		w.ticks(1, keeper.Rotated)
		w.requireKept()
		w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Restored)
		w.requireKept()
	})
}

// The same at any moment of a rotation.
func TestAnInboxBeginsAnewInBetween(t *testing.T) {
	for at := range 8 {
		for _, kills := range []bool{false, true} {
			for _, lost := range []bool{false, true} {
				t.Run(fmt.Sprintf("before operation %d, it kills the old family: %v, answers are lost: %v", at, kills, lost), func(t *testing.T) {
					w := due(t, killing(kills))
					if lost {
						w.inject(atlassiantest.Before, 502, 3)
					}
					w.ops, w.before = nil, func(n int, _ string) error {
						if n == at {
							w.remove(names.RefreshToken)
							w.consent()
						}
						return nil
					}
					w.ticks(1)
					w.before = nil
					w.restart()
					w.ticks(3)
					w.requireKept()
					w.ticks(12, keeper.Idle, keeper.Rotated)
					w.requireKept()
				})
			}
		}
	}
}

// What is known of a version of a deleted parameter does not count for the new
// version with the same number.
func TestAConsentWithTheNumberOfACandidate(t *testing.T) {
	const stranger = "a-t0ken-that-n0body-has-ever-issued-to-anybody"
	for _, inDoubt := range []bool{false, true} {
		for _, pause := range []time.Duration{2 * time.Second, time.Hour} {
			t.Run(fmt.Sprintf("the candidate is in doubt: %v, %v ago", inDoubt, pause), func(t *testing.T) {
				w := settledWorld(t)
				w.put(names.RefreshToken, stranger)
				version := w.get(names.RefreshToken).Version
				if inDoubt {
					w.after = crashing("post")
				}
				w.tick()
				w.after = nil
				if !inDoubt {
					w.ticks(1, keeper.Restored, keeper.Idle) // a second look
				}
				w.clock.Advance(pause)
				w.remove(names.RefreshToken)
				for range version - 1 {
					w.put(names.RefreshToken, "CHANGE_ME")
				}
				w.consent()
				require.Equal(t, version, w.get(names.RefreshToken).Version)
				w.clock.Advance(3 * time.Minute) // the lease of the process that died is over
				w.want(keeper.Rotated)
				w.requireKept()
				w.ticks(12, keeper.Idle, keeper.Rotated, keeper.Restored)
				w.requireKept()
			})
		}
	}
}

// The credentials of an adopted token are refused, and by mistake a new consent too.
// A person deletes the ledger: the consent is asked about once more, by the same
// process too.
func TestWhatWasRefusedIsAskedAboutInANewLedger(t *testing.T) {
	w := newWorld(t)
	w.consent()
	w.answer(400, "unauthorized_client", 1)
	w.want(keeper.Misconfigured)
	w.answer(403, "unauthorized_client", 1)
	w.consent()
	w.want(keeper.Misconfigured)
	w.remove(names.Ledger)
	w.waits()
	w.want(keeper.Rotated)
	w.requireKept()
}

// The ledger begins anew from a backup while a process holds a pair: that is newer
// than what the process knew of the ledger before.
func TestALedgerBeginsAnewBesideAHeldPair(t *testing.T) {
	w := settledWorld(t)
	older := w.get(names.RefreshToken)
	record := w.record()
	w.rotations(1)
	w.clock.Advance(40 * time.Minute)
	holder := w.unsaved()
	for _, name := range []string{names.Ledger, names.RefreshToken, names.Family, names.ClientSecret} {
		w.remove(name)
	}
	w.put(names.RefreshToken, older.Value.Reveal())
	w.put(names.Family, record.Encode().Reveal())
	w.waits()
	w.want(keeper.Misconfigured)
	require.Equal(t, older.Value, w.ledger().Refresh)
	w.put(names.ClientSecret, w.fix.App.ClientSecret.Reveal())
	w.keeper = holder
	w.ticks(1, keeper.Replayed) // the process that was waited for may have presented it
	require.Equal(t, 4, w.ledger().Record.Generation)
	w.requireKept()
}

// REFRESH_TOKEN is deleted, and a consent stored there just before our copy. The copy's
// number is the one that was expected before the deletion.
func TestAConsentUnderTheFirstCopyAfterADeletion(t *testing.T) {
	w := settledWorld(t)
	w.remove(names.RefreshToken)
	w.before = atFirst("write REFRESH_TOKEN", func() { w.consent() })
	w.want(keeper.Rotated)
	w.requireKept()
}

// A consent lies under the copy of a rotation. The process ends, and the ledger is deleted,
// before the consent is presented: TOKEN_FAMILY tells that it is no older token.
func TestAConsentUnderACopyWhoseLedgerIsDeleted(t *testing.T) {
	w := due(t)
	w.before = atFirst("write REFRESH_TOKEN", func() {
		w.consent()
		w.before = crashing("post")
	})
	_, ended := w.tick()
	require.False(t, ended)
	w.before = nil
	w.remove(names.Ledger)
	w.waits()
	w.ticks(2, keeper.Rotated, keeper.Idle)
	w.requireKept()
}

// Who deletes REFRESH_TOKEN and stores the same candidate again changes nothing about
// the credentials that were refused with it.
func TestACandidateWaitsAfterADeletion(t *testing.T) {
	w := settledWorld(t)
	candidate := w.consent().Refresh.Reveal()
	w.put(names.ClientSecret, "wrong")
	w.want(keeper.Misconfigured)
	posts := w.posts()
	w.remove(names.RefreshToken)
	w.tick()
	w.put(names.RefreshToken, candidate)
	w.clock.Advance(time.Minute)
	w.tick()
	require.Equal(t, posts, w.posts())
}

// The first edition left its lock behind. A ledger has begun beside it, and was deleted
// after the first rotation: what that stored is the family's, and no newer consent.
func TestALedgerIsDeletedBesideALockOfTheFirstEdition(t *testing.T) {
	w := due(t)
	born := w.record().AuthorizedAt
	w.put(names.Lock, fmt.Sprintf(`locked_%d {"owner":"the first edition","spending":%q}`, w.clock.Now().UnixMilli(), w.record().Refresh))
	w.remove(names.Ledger)
	w.restart()
	w.clock.Advance(3 * time.Minute)
	w.waits()
	w.want(keeper.Replayed)
	w.remove(names.Ledger)
	w.restart()
	w.ticks(2)
	require.Equal(t, born, w.ledger().Record.AuthorizedAt)
	w.requireKept()
}
