package simulation

import (
	"encoding/json"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Before the faults, a family is a month old, so that a keeper that takes it for a
// new one is found out. The last rotation was so long ago that the next one is due.
const (
	month = 30 * 24 * time.Hour
	due   = 40 * time.Minute
)

// prepare brings the world to where a situation begins.
func (w *world) prepare(s Situation) {
	w.put(slotClientID, atlassian.NewSecret(w.fix.App.ClientID))
	w.put(slotClientSecret, w.secret)
	w.put(slotCloudID, atlassian.NewSecret("11223344-a1b2-3b33-c444-def123456789"))
	switch s {
	case Adoption:
		people{w}.fillIn(32)
	case Upgrade:
		w.firstEdition()
	default:
		people{w}.fillIn(32)
		w.rotateAfter(0)
		if w.settings.Aged {
			const generations = 210
			for range generations {
				w.rotateAfter(due)
			}
		}
		w.rotateAfter(month)
		w.advance(due)
	}
	switch s {
	case Replay:
		w.dieAfterPost = true
		w.proc.tick()
		w.advance(w.every)
	case Reconsent:
		people{w}.fillIn(0)
	}
	w.nextTick = w.now
	w.ops = 0
}

// rotateAfter lets a rotation happen after d, and the tick that publishes it all.
func (w *world) rotateAfter(d time.Duration) {
	w.advance(d)
	w.proc.tick()
	w.advance(w.every)
	w.proc.tick()
}

// firstEdition leaves the parameters as the first edition of this program does
// whose process died after a token request: its record, and its lock.
func (w *world) firstEdition() {
	people{w}.fillIn(0)
	born := w.now
	token := w.slots[slotRefresh].entry.Value
	old := &actor{role: ticks, name: "first-edition", dead: true}
	refresh := func(t atlassian.Secret) (got atlassiantest.Tokens) {
		got, err := w.em.Refresh(atlassiantest.RefreshRequest{ClientID: w.fix.App.ClientID, ClientSecret: w.secret, RefreshToken: t, Presenter: old.name})
		must(err)
		w.oracle.answered(old, t, got, nil)
		return got
	}
	var earlier []string
	for _, d := range []time.Duration{time.Minute, due, month} {
		w.advance(d)
		got := refresh(token)
		earlier = append([]string{fingerprint(token)}, earlier...)
		token = got.Refresh
		w.putBy(old, slotRefresh, token)
		w.putBy(old, slotAccess, got.Access)
		record, err := json.Marshal(map[string]any{
			"schema": 1, "connection": connectionName, "authorized_at": born, "authorized_at_source": "adopted",
			"lifetime_days": 365, "generation": len(earlier), "refresh_token": fingerprint(token),
			"previous_refresh_tokens": earlier, "access_token": fingerprint(got.Access),
			"access_expires_at": w.now.Add(time.Hour), "rotated_at": w.now,
		})
		must(err)
		w.putBy(old, slotFamily, atlassian.NewSecret(string(record)))
	}
	w.advance(due)
	w.putBy(old, slotLock, atlassian.NewSecret("locked_"+millis(w.now)+` {"owner":"first-edition/9","spending":"`+fingerprint(token)+`"}`))
	refresh(token)
	w.advance(3 * time.Minute)
}
