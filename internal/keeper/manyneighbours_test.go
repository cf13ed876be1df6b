package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/keeper"
	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// newMany is a world with many connections, of one app, that nobody has kept yet.
func newMany(t *testing.T, n int) (w *world, all []family.Connection) {
	w = newWorld(t)
	w.consent()
	for i := range n {
		c := family.Connection{Name: fmt.Sprintf("MANY%d_", i), Policy: w.policy}
		tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
		require.NoError(t, err)
		w.put(c.Names().ClientID, w.fix.App.ClientID)
		w.put(c.Names().ClientSecret, w.fix.App.ClientSecret.Reveal())
		w.put(c.Names().RefreshToken, tokens.Refresh.Reveal())
		all = append(all, c)
	}
	return w, all
}

// atOnce makes the ticks of some connections at the same time.
func atOnce(w *world, some []family.Connection) (outs []keeper.Outcome) {
	outs = make([]keeper.Outcome, len(some))
	ctx := invocation{context.Background(), w.clock.Now().Add(w.limit)}
	var wait sync.WaitGroup
	for i, c := range some {
		wait.Go(func() { outs[i] = w.keeper.Tick(ctx, c, slog.New(slog.DiscardHandler)) })
	}
	wait.Wait()
	return outs
}

// watched is a store that notes the readings of neighbours' ledgers, and may fail or delay a
// call. An own reading asks for the ledger and the app's id.
type watched struct {
	*memstore.Store
	mu    sync.Mutex
	looks [][]string
	// own and look are called after a reading, and before the keeper knows its result; wrote is
	// called before a write.
	own   func()
	look  func(names []string) error
	wrote func(name string)
}

func (s *watched) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	m, err := s.Store.Read(ctx, names...)
	own := slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, "CLIENT_ID") })
	if own && s.own != nil {
		s.own()
	}
	if own || len(names) < 3 {
		return m, err
	}
	s.mu.Lock()
	s.looks = append(s.looks, names)
	s.mu.Unlock()
	if s.look != nil {
		err = errors.Join(err, s.look(names))
	}
	return m, err
}

func (s *watched) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	if s.wrote != nil {
		s.wrote(name)
	}
	return s.Store.Write(ctx, name, value, k)
}

// A stack of many connections begins. Whose their tokens are is read once for all of them, and
// parsed once.
func TestManyConnectionsBegin(t *testing.T) {
	const n = 60
	w, all := newMany(t, n)
	calls, allocations := map[int]int{}, map[int]int{}
	for _, served := range []int{n / 2, n} {
		w.restart()
		w.clock.Advance(40 * time.Minute)
		w.keeper.Introduce(all[:served])
		w.ops = nil
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, c := range all[served-n/2 : served] {
			out := tickAt(w, c)
			require.Equal(t, keeper.Rotated, out.Action, out.Reason)
		}
		runtime.ReadMemStats(&after)
		calls[served], allocations[served] = len(w.ops), int(after.Mallocs-before.Mallocs)
	}
	require.Less(t, calls[n], calls[n/2]+n, "each of the same number of connections, among twice as many")
	require.Less(t, allocations[n], allocations[n/2]+n/2*n/2*20, "what a neighbour tells is parsed for each one that asks")
}

// Connections that are served side by side ask at the same time, when all begin, and when all
// have rested for two hours. One reading serves them all.
func TestConnectionsSideBySideAreReadOnce(t *testing.T) {
	const n, parallel = 60, 8
	w, all := newMany(t, n)
	s := &watched{Store: w.mem, look: func([]string) error { runtime.Gosched(); return nil }}
	w.restartWith(s)
	for range 2 {
		w.keeper.Introduce(all)
		s.looks = nil
		var ready sync.WaitGroup
		ready.Add(parallel)
		var begun atomic.Int32
		s.own = func() {
			if begun.Add(1) <= parallel { // all have read their own parameters before one asks
				ready.Done()
				ready.Wait()
			}
		}
		for _, out := range atOnce(w, all[:parallel]) {
			require.Equal(t, keeper.Rotated, out.Action, out.Reason)
		}
		require.LessOrEqual(t, len(s.looks), n/3+1)
		for _, c := range all[parallel:] {
			require.Equal(t, keeper.Rotated, tickAt(w, c).Action)
		}
		w.clock.Advance(3 * time.Hour)
	}
}

// A reading fails, as where the store throttles. Connections that ask do not each repeat the whole
// of it. They wait, and one asks again a while later.
func TestAFailedReadingIsNotMultiplied(t *testing.T) {
	const n = 60
	w, all := newMany(t, n)
	s := &watched{Store: w.mem}
	w.restartWith(s)
	w.keeper.Introduce(all)
	for _, c := range all {
		require.Equal(t, keeper.Rotated, tickAt(w, c).Action)
	}
	w.clock.Advance(3 * time.Hour)
	w.keeper.Introduce(all)
	s.looks, s.look = nil, func([]string) error { return errors.New("throttled") }
	for _, c := range all[:n/2] {
		require.Equal(t, keeper.Failed, tickAt(w, c).Action)
	}
	require.LessOrEqual(t, len(s.looks), 2*3, "three attempts of two calls")

	w.clock.Advance(10 * time.Second)
	s.looks, s.look = nil, nil
	for _, c := range all[n/2:] {
		require.Equal(t, keeper.Rotated, tickAt(w, c).Action)
	}
	require.InDelta(t, n/6, len(s.looks), 1, "of those that were not served")
}

// rename lets another connection go on with the tokens of one, as after a renaming. The old name
// is not served for some hours.
func rename(w *world, one, other family.Connection) {
	from, to := one.Names(), other.Names()
	w.keeper.Introduce(nil)
	w.clock.Advance(5 * time.Minute)
	require.Equal(w.t, keeper.Idle, tickAt(w, one).Action)
	for old, name := range map[string]string{from.Family: to.Family, from.RefreshToken: to.RefreshToken, from.ClientID: to.ClientID, from.ClientSecret: to.ClientSecret} {
		w.put(name, w.get(old).Value.Reveal())
	}
	require.Equal(w.t, keeper.InDoubt, tickAt(w, other).Action) // a ledger may have been deleted
	w.clock.Advance(3 * time.Minute)
	require.Equal(w.t, keeper.Replayed, tickAt(w, other).Action)
	w.clock.Advance(3 * time.Hour)
}

// newRenamed is a world with twenty connections, of which the last was renamed, in a new process.
func newRenamed(t *testing.T) (w *world, s *watched, all []family.Connection, renamed family.Connection) {
	w, all = newMany(t, 20)
	s = &watched{Store: w.mem}
	w.restartWith(s)
	w.keeper.Introduce(all)
	for _, c := range all {
		require.Equal(t, keeper.Rotated, tickAt(w, c).Action)
	}
	renamed = family.Connection{Name: "RENAMED_", Policy: w.policy}
	rename(w, all[19], renamed)
	w.restartWith(s)
	return w, s, all, renamed
}

// One call that fails tells nothing of the other neighbours.
func TestOneCallThatFailsHidesNoOther(t *testing.T) {
	w, s, all, renamed := newRenamed(t)
	w.keeper.Introduce(append(all, renamed))
	s.look = func(names []string) error {
		if slices.Contains(names, all[0].Names().Ledger) {
			return errors.New("the store did not answer")
		}
		return nil
	}
	out := tickAt(w, all[19])
	require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
	require.Contains(t, out.Reason, renamed.Name)
}

// A connection holds another one's token, or was left behind under its old name, and nobody puts
// it right. It does not read all the others at every tick.
func TestASlipForGoodCostsLittle(t *testing.T) {
	for name, slip := range map[string]func(w *world, one, other family.Connection){
		"a neighbour's token to begin with": func(w *world, one, other family.Connection) {
			w.put(one.Names().ClientID, w.fix.App.ClientID)
			w.put(one.Names().ClientSecret, w.fix.App.ClientSecret.Reveal())
			own, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(w.t, err)
			w.put(one.Names().RefreshToken, own.Refresh.Reveal())
			w.put(one.Names().RefreshToken, w.get(other.Names().RefreshToken).Value.Reveal())
		},
		"an old name": func(w *world, one, other family.Connection) {
			w.keeper.Introduce(nil)
			tokens, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(w.t, err)
			w.put(one.Names().ClientID, w.fix.App.ClientID)
			w.put(one.Names().ClientSecret, w.fix.App.ClientSecret.Reveal())
			w.put(one.Names().RefreshToken, tokens.Refresh.Reveal())
			require.Equal(w.t, keeper.Rotated, tickAt(w, one).Action)
			for _, name := range []string{other.Names().Ledger, other.Names().Family, other.Names().RefreshToken} {
				w.remove(name)
			}
			rename(w, one, other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, all := newMany(t, 60)
			s := &watched{Store: w.mem}
			w.restartWith(s)
			w.keeper.Introduce(all)
			for _, c := range all {
				require.Equal(t, keeper.Rotated, tickAt(w, c).Action)
			}
			slipped := family.Connection{Name: "SLIP_", Policy: w.policy}
			slip(w, slipped, all[40])
			for i := range 6 {
				w.clock.Advance(5 * time.Minute)
				w.keeper.Introduce(append(all, slipped))
				s.looks = nil
				out := tickAt(w, slipped)
				require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
				require.Contains(t, out.Reason, all[40].Name)
				if i > 0 {
					require.LessOrEqual(t, len(s.looks), 1)
				}
			}
			for _, f := range w.em.Families() {
				require.Nil(t, f.Death)
			}
		})
	}
}

// A renamed connection is still served under its old name, and the store fails for a while. The old
// name presents nothing until its neighbours can be read.
func TestARestedTokenWaitsForItsNeighbours(t *testing.T) {
	w, s, all, renamed := newRenamed(t)
	s.look = func([]string) error { return errors.New("the store did not answer") }
	for range 2 {
		w.keeper.Introduce(append(all, renamed))
		out := tickAt(w, all[19])
		require.Equal(t, keeper.Failed, out.Action, out.Reason)
		w.clock.Advance(2 * time.Minute)
	}
	s.look = nil
	w.keeper.Introduce(append(all, renamed))
	out := tickAt(w, all[19])
	require.Equal(t, keeper.Misconfigured, out.Action, out.Reason)
	for _, f := range w.em.Families() {
		require.Nil(t, f.Death)
	}
}

// A neighbour can never be read. The wait ends after ten minutes, and each time a token has rested it
// waits anew.
func TestARestedTokenDoesNotWaitForEver(t *testing.T) {
	w, s, all, renamed := newRenamed(t)
	s.look = func([]string) error { return errors.New("the store did not answer") }
	for range 2 {
		w.clock.Advance(3 * time.Hour)
		var actions []keeper.Action
		for range 6 {
			w.keeper.Introduce(append(all, renamed))
			actions = append(actions, tickAt(w, all[0]).Action)
			w.clock.Advance(2 * time.Minute)
		}
		require.Equal(t, []keeper.Action{keeper.Failed, keeper.Failed, keeper.Failed, keeper.Failed, keeper.Failed, keeper.Rotated}, actions)
	}
}

// A neighbour rotates while it is read, and somebody stores its new token here at once.
func TestNeighbourRotatesWhileItIsRead(t *testing.T) {
	w, _ := newNeighbours(t, false)
	w.clock.Advance(3 * time.Hour)
	s := &watched{Store: w.mem}
	w.restartWith(s)
	both := []family.Connection{{Name: conn, Policy: w.policy}, {Name: neighbour, Policy: w.policy}}
	w.keeper.Introduce(both)
	s.look = func([]string) error {
		w.keeper.Introduce(both[1:]) // it asks nobody then
		require.Equal(t, keeper.Rotated, tickAt(w, both[1]).Action)
		w.put(names.RefreshToken, w.get(family.NamesOf(neighbour).RefreshToken).Value.Reveal())
		return nil
	}
	out := tickAt(w, both[0])
	require.Contains(t, out.Foreign, neighbour, out.Reason)
	w.requireAlive(0)
	w.requireAlive(1)
}

// A neighbour's ledger says nothing that this program understands, as after a newer version was
// taken back. Others take their consents all the same, and its tokens are not presented: what
// TOKEN_FAMILY knows, and what stands in its REFRESH_TOKEN.
func TestNeighbourWhoseLedgerIsNotUnderstood(t *testing.T) {
	other := family.NamesOf(neighbour)
	for name, c := range map[string]struct {
		token func(w *world) string
		want  string
	}{
		"a consent": {func(w *world) string {
			fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			return fresh.Refresh.Reveal()
		}, ""},
		"its token": {func(w *world) string { return w.get(other.RefreshToken).Value.Reveal() }, neighbour},
		"its older token": {func(w *world) string {
			all, err := w.mem.History(t.Context(), other.RefreshToken, 0)
			require.NoError(t, err)
			return all[0].Value.Reveal()
		}, neighbour},
		"a token in both": {func(w *world) string {
			fresh, err := w.em.Authorize(atlassiantest.ConsentRequest{})
			require.NoError(t, err)
			w.put(other.RefreshToken, fresh.Refresh.Reveal())
			return fresh.Refresh.Reveal()
		}, neighbour},
	} {
		t.Run(name, func(t *testing.T) {
			w, tick := newNeighbours(t, false)
			w.clock.Advance(5 * time.Minute)
			require.Equal(t, keeper.Idle, tick(neighbour).Action)
			l := ledger.Ledger{Log: ledger.Parameter{Store: w.mem, Name: other.Ledger}, Of: neighbour}
			base, err := l.Newest(t.Context(), w.get(other.Ledger))
			require.NoError(t, err)
			_, err = l.Put(t.Context(), ledger.NewDraft(neighbour, base, atlassian.NewSecret(`{"record":{"schema":99}}`), w.clock.Now(), "newer/1"))
			require.NoError(t, err)
			require.Equal(t, keeper.Failed, tick(neighbour).Action)

			w.put(names.RefreshToken, c.token(w))
			w.ops = nil
			out := tick(conn)
			if c.want == "" {
				require.Equal(t, keeper.Rotated, out.Action, out.Reason)
				return
			}
			require.Contains(t, out.Foreign, c.want, out.Reason)
			require.Zero(t, w.spends())
		})
	}
}
