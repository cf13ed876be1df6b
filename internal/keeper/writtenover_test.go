package keeper_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// People and programs write older tokens over the newest: Terraform at its next
// plan, a backup, a copy of another environment. None is ever presented.
func TestAnOlderTokenIsWrittenOverTheNewest(t *testing.T) {
	// copies are the parameters that a backup holds.
	copies := []string{names.RefreshToken, names.AccessToken, names.Family, names.CloudID, names.ClientID, names.ClientSecret}
	for _, c := range []struct {
		name string
		// generations the value is old, and what is put back with it.
		generations int
		with        []string
	}{
		{"three generations", 3, nil},
		{"three, and TOKEN_FAMILY too", 3, []string{names.Family}},
		{"six generations", 6, nil},
		{"six, and TOKEN_FAMILY too", 6, []string{names.Family}},
		{"six, and the ledger too", 6, []string{names.Ledger}},
		{"six, and everything but the ledger", 6, copies},
		{"six, and everything", 6, append([]string{names.Ledger}, copies...)},
		{"forty, and everything", 40, append([]string{names.Ledger}, copies...)},
		{"two hundred, and everything", 200, append([]string{names.Ledger}, copies...)},
	} {
		for _, when := range []string{"nothing is due", "a rotation is due", "in a new process"} {
			t.Run(c.name+", "+when, func(t *testing.T) {
				w := settledWorld(t)
				backup := map[string]store.Entry{names.RefreshToken: w.get(names.RefreshToken)}
				for _, name := range c.with {
					backup[name] = w.get(name)
				}
				w.rotations(c.generations)
				newest, born := w.get(names.RefreshToken).Value, w.record().AuthorizedAt
				for name, e := range backup {
					if e.Version > 0 {
						w.put(name, e.Value.Reveal())
					}
				}
				switch when {
				case "a rotation is due":
					w.clock.Advance(40 * time.Minute)
					out := w.want(keeper.Rotated)
					require.NotEmpty(t, out.Foreign)
				case "in a new process":
					w.restart()
					fallthrough
				default:
					w.ops = nil
					out, _ := w.tick()
					require.Contains(t, []keeper.Action{keeper.Restored, keeper.Rotated}, out.Action, out.Reason)
					require.Contains(t, out.Foreign, names.RefreshToken)
					if w.spends() == 0 {
						require.Equal(t, newest, w.get(names.RefreshToken).Value)
					}
				}
				w.ticks(12, keeper.Idle, keeper.Rotated)
				w.requireKept()
				require.Equal(t, born, w.record().AuthorizedAt)
				require.GreaterOrEqual(t, w.record().Generation, c.generations+1)
			})
		}
	}
}

// Terraform reads at plan time and writes at apply time; a rotation lies between.
func TestTerraformWritesWhatItReadAtPlanTime(t *testing.T) {
	for at := range 10 {
		t.Run(fmt.Sprintf("before operation %d of a rotation", at), func(t *testing.T) {
			w := due(t)
			planned := w.get(names.RefreshToken).Value.Reveal()
			w.before = once(at, func() error { w.put(names.RefreshToken, planned); return nil })
			w.tick()
			w.before = nil
			w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Restored)
			w.requireKept()
		})
	}
	t.Run("at every tick, again and again", func(t *testing.T) {
		w := settledWorld(t)
		planned := w.get(names.RefreshToken).Value.Reveal()
		for range 40 {
			w.put(names.RefreshToken, planned)
			w.ticks(1, keeper.Idle, keeper.Rotated, keeper.Restored)
		}
		w.requireKept()
	})
}

// The newest token is damaged, and corrected a tick later. The damaged one is never
// believed, whether or not it says of itself whose it is.
func TestADamagedTokenIsPutRight(t *testing.T) {
	damages := map[string]func(string) string{
		"cut by four characters": func(s string) string { return s[:len(s)-4] },
		"cut in half":            func(s string) string { return s[:len(s)/2] },
		"its last four changed":  func(s string) string { return s[:len(s)-4] + "BBBB" },
		"the first one missing":  func(s string) string { return s[1:] },
		"twice":                  func(s string) string { return s + s },
		"quoted":                 func(s string) string { return `"` + s + `"` },
		"in Base64":              func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	}
	for _, claims := range []bool{false, true} {
		for name, damage := range damages {
			t.Run(fmt.Sprintf("%s, claims: %v", name, claims), func(t *testing.T) {
				w := newWorldOf(t, claims)
				w.consent()
				w.want(keeper.Rotated)
				whole, generation := w.get(names.RefreshToken).Value.Reveal(), w.ledger().Record.Generation
				posts := w.posts()
				w.put(names.RefreshToken, damage(whole))
				out := w.want(keeper.Restored)
				require.NotEmpty(t, out.Foreign)
				require.Equal(t, posts, w.posts(), "it is not presented")
				require.Equal(t, whole, w.get(names.RefreshToken).Value.Reveal())
				w.put(names.RefreshToken, whole)
				w.clock.Advance(5 * time.Minute)
				w.want(keeper.Idle)
				require.Equal(t, generation, w.record().Generation)
				w.clock.Advance(40 * time.Minute)
				require.Equal(t, generation+1, w.want(keeper.Rotated).Generation)
				w.requireKept()
			})
		}
	}
	t.Run("before the first tick", func(t *testing.T) {
		w := newWorld(t)
		whole := w.consent().Refresh.Reveal()
		w.put(names.RefreshToken, whole[:len(whole)-4])
		w.tick()
		w.put(names.RefreshToken, whole)
		w.ticks(2)
		w.requireKept()
	})
}

// A placeholder, and the token again: the family is as old as before.
func TestAPlaceholderDoesNotMakeAFamilyYoung(t *testing.T) {
	for _, placeholder := range []string{"CHANGE_ME", "fill me", "****", "null", "$REFRESH_TOKEN", " "} {
		for _, back := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, put back: %v", placeholder, back), func(t *testing.T) {
				w := newWorld(t)
				w.consent()
				for range 5 {
					w.want(keeper.Rotated)
					w.clock.Advance(60 * 24 * time.Hour)
				}
				w.want(keeper.Rotated)
				token, before := w.get(names.RefreshToken).Value.Reveal(), *w.outcome().FamilyDaysRemaining
				require.InDelta(t, 65, before, 1)
				w.put(names.RefreshToken, placeholder)
				w.want(keeper.Restored)
				if back {
					w.put(names.RefreshToken, token)
				}
				w.clock.Advance(5 * time.Minute)
				require.InDelta(t, before, *w.want(keeper.Idle).FamilyDaysRemaining, 0.1)
				w.ticks(12, keeper.Idle, keeper.Rotated)
				w.requireKept()
			})
		}
	}
}

// outcome is what an idle tick reports.
func (w *world) outcome() keeper.Outcome {
	w.t.Helper()
	out, ok := w.tick()
	require.True(w.t, ok)
	return out
}

// Copies that somebody deletes come again.
func TestADeletedCopy(t *testing.T) {
	for _, name := range []string{names.RefreshToken, names.AccessToken, names.Family} {
		for _, fresh := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, new process: %v", short(name), fresh), func(t *testing.T) {
				w := settledWorld(t)
				w.rotations(3)
				born := w.record().AuthorizedAt
				w.remove(name)
				if fresh {
					w.restart()
				}
				w.ticks(1, keeper.Idle, keeper.Rotated, keeper.Restored)
				w.requireKept()
				require.NotZero(t, w.get(name).Version)
				require.Equal(t, born, w.record().AuthorizedAt)
				w.ticks(24, keeper.Idle, keeper.Rotated)
				w.requireKept()
			})
		}
	}
}

// Consumers do not trim: a copy with white space around it is published again.
func TestWhiteSpaceAroundACopy(t *testing.T) {
	for _, name := range []string{names.RefreshToken, names.AccessToken} {
		t.Run(short(name), func(t *testing.T) {
			w := settledWorld(t)
			w.put(name, " "+w.get(name).Value.Reveal()+"\n")
			w.ticks(1, keeper.Idle, keeper.Restored, keeper.Rotated)
			w.requireKept()
		})
	}
}

// Deleted ledger: TOKEN_FAMILY and REFRESH_TOKEN bring the family back with its
// true age, at any moment of its life.
func TestADeletedLedger(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(*world)
	}{
		{"right after a rotation, TOKEN_FAMILY not published yet", func(w *world) {
			w.clock.Advance(40 * time.Minute)
			w.want(keeper.Rotated)
		}},
		{"some time after a rotation, TOKEN_FAMILY not published yet", func(w *world) {
			w.clock.Advance(40 * time.Minute)
			w.want(keeper.Rotated)
			w.clock.Advance(15 * time.Minute)
		}},
		{"a tick later", func(*world) {}},
		{"when a rotation is due", func(w *world) { w.clock.Advance(40 * time.Minute) }},
		{"and an older token put back", func(w *world) { w.put(names.RefreshToken, w.older[1].Value.Reveal()) }},
		{"and a placeholder written", func(w *world) { w.put(names.RefreshToken, "CHANGE_ME") }},
		{"and the older token and TOKEN_FAMILY put back", func(w *world) {
			record, err := w.mem.History(context.Background(), names.Family, 0)
			require.NoError(w.t, err)
			w.put(names.RefreshToken, w.older[1].Value.Reveal())
			w.put(names.Family, record[1].Value.Reveal())
		}},
		{"and TOKEN_FAMILY damaged", func(w *world) { w.put(names.Family, "{damaged") }},
		{"and ACCESS_TOKEN deleted", func(w *world) { w.remove(names.AccessToken) }},
	} {
		for _, fresh := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, new process: %v", c.name, fresh), func(t *testing.T) {
				w := settledWorld(t)
				w.older = w.rotations(4)
				born := w.record().AuthorizedAt
				c.after(w)
				w.remove(names.Ledger)
				if fresh {
					w.restart()
				}
				posts := w.posts()
				for range 2 {
					w.tick()
					w.clock.Advance(family.Lease / 2)
				}
				require.Equal(t, posts, w.posts(), "nothing is presented meanwhile")
				w.ticks(26, keeper.Idle, keeper.Rotated, keeper.Replayed, keeper.Restored)
				w.requireKept()
				require.Equal(t, born, w.record().AuthorizedAt, "its age is true")
				require.GreaterOrEqual(t, w.record().Generation, 5)
				require.Equal(t, w.record(), w.ledger().Record)
			})
		}
	}
	for _, fresh := range []bool{false, true} {
		t.Run(fmt.Sprintf("and TOKEN_FAMILY deleted too: the family lives, and who has read its age knows it; new process: %t", fresh), func(t *testing.T) {
			w := settledWorld(t)
			w.rotations(4)
			born := w.record().AuthorizedAt
			w.remove(names.Ledger)
			w.remove(names.Family)
			if fresh {
				w.restart()
			}
			w.tick()
			require.Equal(t, !fresh, born.Equal(w.record().AuthorizedAt))
			w.clock.Advance(family.Lease)
			w.ticks(24, keeper.Idle, keeper.Rotated, keeper.Replayed)
			w.requireKept()
		})
	}
}

// REFRESH_TOKEN is deleted, and a consent stored there, while the writing of our copy
// has to be repeated. The copy's number tells nothing then: the tick looks again.
func TestAConsentUnderARepeatedWrite(t *testing.T) {
	w := due(t)
	w.before = func(_ int, op string) error {
		if op != "write REFRESH_TOKEN" {
			return nil
		}
		w.before = nil
		w.remove(names.RefreshToken)
		w.clock.Advance(time.Second)
		w.consent()
		return errFault
	}
	w.want(keeper.Rotated)
	w.requireKept()
}
