package many

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// assumed reads a figure of the assumptions in docs/costs.md.
func assumed(t *testing.T, what string) int {
	page, err := os.ReadFile("../../docs/costs.md")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(what) + ` \| (\d+) \|$`).FindSubmatch(page)
	require.NotNil(t, found, "docs/costs.md has no %s", what)
	n, err := strconv.Atoi(string(found[1]))
	require.NoError(t, err)
	return n
}

// A day of ticks on Parameter Store asks KMS for what docs/costs.md assumes, and
// the calls of a tick are those that docs/keeper.md tells.
func TestADayAtKMS(t *testing.T) {
	for _, connections := range []int{1, 5} {
		t.Run(fmt.Sprint(connections), func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t, connections, 80, 8)
			m := moto.Start(t).Clocked(t, c.clock.Now)
			parameters := ssmstore.New(ssmstore.NewClient(m.AWSConfig()), "alias/aws/ssm", c.clock.Now)
			for i := range c.Connections {
				old := family.NamesOf(c.Connections[i].Name)
				c.Connections[i].Name = fmt.Sprintf("/kms%d%s", connections, c.Connections[i].Name)
				names := family.NamesOf(c.Connections[i].Name)
				seed, err := c.store.Store.Read(t.Context(), old.ClientID, old.ClientSecret, old.RefreshToken, old.AccessToken)
				require.NoError(t, err)
				for from, to := range map[string]string{old.ClientID: names.ClientID, old.ClientSecret: names.ClientSecret,
					old.RefreshToken: names.RefreshToken, old.AccessToken: names.AccessToken} {
					_, err := parameters.Write(t.Context(), to, seed[from].Value, store.Encrypted)
					require.NoError(t, err)
				}
			}
			c.Survey = nil
			c.Keeper = keeper.New(keeper.Config{Store: parameters, Token: c, Now: c.clock.Now, Sleep: c.Sleep, Process: "p"})
			m.Counts()
			_, err := c.Tick(t.Context(), slog.New(slog.DiscardHandler)) // of a new process
			require.NoError(t, err)
			// Beside the secrets: REFRESH_TOKEN's history, the ledger begun and read back,
			// a rotation's four writes, and five entries in the histories of a young ledger.
			// The ledger does not exist when the secrets are read.
			require.Equal(t, connections*(assumed(t, "secrets of a connection")-1+12), m.Counts().KMS)
			for range 40 { // rotations, after which the ledger is not young any more
				c.clock.Advance(36 * time.Minute)
				_, err := c.Tick(t.Context(), slog.New(slog.DiscardHandler))
				require.NoError(t, err)
			}
			begun := c.clock.Now()
			m.Counts()

			const ticks = 24 * 60 / 5
			total, rotations, after := 0, 0, true
			for n := 1; n <= ticks; n++ {
				c.clock.Set(begun.Add(time.Duration(n) * 5 * time.Minute))
				report, err := c.Tick(context.Background(), slog.New(slog.DiscardHandler))
				require.NoError(t, err)
				rotated := 0
				for _, o := range report.Connections {
					if o.Action == keeper.Rotated {
						rotated++
						continue
					}
					require.Equal(t, keeper.Idle, o.Action, o.Reason)
				}
				counts := m.Counts()
				calls, kms := counts.Calls, counts.KMS
				require.Positive(t, kms, "every tick proves the key")
				switch {
				case rotated > 0:
					require.Equal(t, connections+1+4*rotated, calls, "a glance each, one decryption, and four writes a rotation")
				case after:
					require.Equal(t, 3*connections, calls, "a glance each, what was written, and TOKEN_FAMILY")
					require.Equal(t, 3*connections, kms, "the ledger and the two tokens")
				default:
					require.Equal(t, connections+1, calls, "a glance each, and one decryption")
					require.Equal(t, assumed(t, "KMS requests of a tick"), kms)
				}
				after = rotated > 0
				total, rotations = total+kms, rotations+rotated
			}
			want := ticks*assumed(t, "KMS requests of a tick") + rotations*assumed(t, "KMS requests of a rotation and the read after it")
			// The reads after rotations, which all come at once here, prove the key.
			want -= rotations / connections
			if !after { // the first are of the rotations before the day; it does not end with any
				want += 3*connections - 1
			}
			t.Logf("%d KMS requests in a day, %d rotations", total, rotations)
			require.Equal(t, want, total)
		})
	}
}
