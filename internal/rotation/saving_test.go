package rotation_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/rotation"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// A save that fails for a while is tried again in the same tick, and is no
// reason to spend again.
func TestASaveIsTriedAgain(t *testing.T) {
	for _, write := range []string{"write REFRESH_TOKEN", "write ACCESS_TOKEN", "write TOKEN_FAMILY"} {
		w := due(t, false)
		failures := 0
		w.before = func(_ int, op string) error {
			if op == write && w.spends() > 0 && failures < 5 {
				failures++
				return errFault
			}
			return nil
		}
		w.want(rotation.Rotated)
		require.Equal(t, 5, failures)
		require.Equal(t, 1, w.spends(), write)
		w.requireKept(write)
	}
}

// A key that decrypts what is stored may still refuse to encrypt what comes
// next. That is found out before the token is spent, not after.
func TestNothingIsSpentWhileTheKeyTakesNoSecrets(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		w := newWorld(t)
		w.consent()
		if adopted {
			require.NoError(t, w.mem.Delete(context.Background(), names.AccessToken))
		} else {
			w.want(rotation.Rotated)
			w.clock.Advance(40 * time.Minute)
		}
		w.ops = nil
		working := w.keeper.Store
		w.keeper.Store = keylessStore{working}
		for range 24 {
			out := w.want(rotation.Failed)
			require.Contains(t, out.Reason, store.ErrDenied.Error())
			require.Zero(t, w.get(names.Lock).Version, "there is no lock")
			w.clock.Advance(5 * time.Minute)
		}
		require.Zero(t, w.spends())
		w.keeper.Store = working
		w.want(rotation.Rotated)
		w.requireKept()
	}
}

// keylessStore has a key that decrypts, and does not encrypt.
type keylessStore struct{ store.Store }

func (s keylessStore) Create(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	if k == store.Encrypted {
		return 0, store.ErrDenied
	}
	return s.Store.Create(ctx, name, v, k)
}

func (s keylessStore) Write(ctx context.Context, name string, v atlassian.Secret, k store.Kind) (int64, error) {
	if k == store.Encrypted {
		return 0, store.ErrDenied
	}
	return s.Store.Write(ctx, name, v, k)
}

// The caller loses interest once the token is spent: what was received is saved
// all the same, by this tick or by the next one.
func TestACancelledTickSavesWhatItReceived(t *testing.T) {
	for _, held := range []bool{false, true} {
		w := due(t, false)
		if held {
			w.before = failing("write REFRESH_TOKEN")
			w.want(rotation.Failed)
			w.clock.Advance(5 * time.Minute)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.before = nil
		reads := 0
		w.after = func(_ int, op string) error {
			if op == "read" {
				reads++
			}
			if op == "post" || held && reads == 2 { // the second read verifies the lock
				cancel()
			}
			return nil
		}
		out := w.keeper.Tick(ctx, rotation.Connection{Name: conn, Policy: w.policy}, slog.New(slog.DiscardHandler))
		require.Equal(t, rotation.Rotated, out.Action, out.Reason)
		require.Error(t, ctx.Err())
		require.Equal(t, 1, w.spends())
		w.requireKept(held)
	}
}

// deadlines notes until when each request may take.
type deadlines struct {
	rotation.TokenEndpoint
	left []time.Duration
}

func (d *deadlines) Refresh(ctx context.Context, app atlassian.App, refresh atlassian.Secret) (atlassian.Token, error) {
	if at, ok := ctx.Deadline(); ok {
		d.left = append(d.left, time.Until(at))
	}
	return d.TokenEndpoint.Refresh(ctx, app, refresh)
}

func TestARequestEndsWellBeforeTheLease(t *testing.T) {
	w := due(t, false)
	d := &deadlines{TokenEndpoint: w.keeper.Token}
	w.keeper.Token = d
	w.want(rotation.Rotated)
	require.Len(t, d.left, 1)
	require.LessOrEqual(t, d.left[0], family.PostTimeout)
}

// limits notes until when each write may take.
type limits struct {
	store.Store
	left []time.Duration
}

func (l *limits) Write(ctx context.Context, name string, value atlassian.Secret, k store.Kind) (int64, error) {
	if at, ok := ctx.Deadline(); ok && name != names.Lock {
		l.left = append(l.left, time.Until(at))
	}
	return l.Store.Write(ctx, name, value, k)
}

// A call that hangs ends before the platform kills the process, and with it
// what other connections hold in memory.
func TestASaveEndsBeforeTheInvocation(t *testing.T) {
	w := due(t, false)
	l := &limits{Store: w.keeper.Store}
	w.keeper.Store = l
	w.want(rotation.Rotated)
	require.Len(t, l.left, 3, "refresh token, access token and record")
	for _, left := range l.left {
		require.Less(t, left, w.limit-2*time.Second)
	}
}

// A consent came while the pair was in memory: nothing of the old family is
// written over it, not even for a moment.
func TestAHeldPairIsNeverWrittenOverAConsent(t *testing.T) {
	w := due(t, false)
	w.before = failing("write REFRESH_TOKEN")
	w.want(rotation.Failed)
	w.before = nil
	w.clock.Advance(5 * time.Minute)
	w.consent()
	consent := w.get(names.RefreshToken).Version
	for range 3 {
		w.tick()
		w.clock.Advance(5 * time.Minute)
	}
	newest := w.em.Families()[1]
	history, err := w.mem.History(t.Context(), names.RefreshToken, consent)
	require.NoError(t, err)
	require.NotEmpty(t, history)
	for _, e := range history {
		info, known := w.em.Lookup(e.Value)
		require.True(t, known)
		require.Equal(t, newest.ID, info.FamilyID, "version %d", e.Version)
	}
	w.requireKept()
}

// A consent was written between our read and our save, and the read of what we
// covered fails at first: it is read all the same, and put back on top.
func TestWhatWasCoveredIsReadUntilItIsKnown(t *testing.T) {
	for _, name := range []string{"REFRESH_TOKEN", "ACCESS_TOKEN"} {
		w := due(t, false)
		failures := 0
		w.before = func(_ int, op string) error {
			switch {
			case op == "write "+name && failures == 0:
				w.consent()
			case op == "read history of "+name && failures < 3:
				failures++
				return errFault
			}
			return nil
		}
		w.want(rotation.Contended)
		require.Equal(t, 3, failures)
		for range 3 {
			w.before = nil
			w.requireNewestFamily()
			w.clock.Advance(5 * time.Minute)
			w.tick()
		}
		w.requireKept(name)
	}
}

// requireNewestFamily checks that both stored tokens are the newest family's.
func (w *world) requireNewestFamily() {
	w.t.Helper()
	fams := w.em.Families()
	for _, name := range []string{names.RefreshToken, names.AccessToken} {
		info, known := w.em.Lookup(w.get(name).Value)
		require.True(w.t, known)
		require.Equal(w.t, fams[len(fams)-1].ID, info.FamilyID, name)
	}
}

// staleStore answers the reads of a parameter with the version before the newest.
type staleStore struct {
	store.Store
	name string
	// reads that are stale before the store has caught up.
	reads int
}

func (s *staleStore) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	entries, err := s.Store.Read(ctx, names...)
	if e, ok := entries[s.name]; ok && s.reads > 0 {
		s.reads--
		if old, err := s.History(ctx, s.name, e.Version-1); err == nil && len(old) > 1 {
			entries[s.name] = old[0]
		}
	}
	return entries, err
}

// The store answers with what this process knows to be outdated: it is asked
// again, and nothing is done on the ground of it.
func TestAStaleReadIsNotBelieved(t *testing.T) {
	for _, name := range []string{names.RefreshToken, names.Family} {
		w := due(t, false)
		w.want(rotation.Rotated)
		stale := &staleStore{Store: w.keeper.Store, name: name, reads: 2}
		w.keeper.Store = stale
		w.clock.Advance(time.Minute)
		w.ops = nil
		w.want(rotation.Idle)
		require.Zero(t, stale.reads)
		require.NotContains(t, w.ops, "create"+lockOp)

		stale.reads = 100
		w.want(rotation.Failed)
		require.Zero(t, w.spends())
		stale.reads = 0
		w.clock.Advance(40 * time.Minute)
		w.want(rotation.Rotated)
		w.requireKept(name)
	}
}

// Reading one parameter does not make the process forget what it knows of another.
func TestAStaleReadAfterAnotherParameterWasRead(t *testing.T) {
	w := due(t, false)
	spent := w.get(names.RefreshToken).Value
	w.before = func(_ int, op string) error {
		if op == "write REFRESH_TOKEN" {
			w.put(names.RefreshToken, spent.Reveal()) // then TOKEN_FAMILY alone is read, to judge it
		}
		return nil
	}
	w.want(rotation.Rotated)
	w.before = nil
	w.keeper.Store = &staleStore{Store: w.keeper.Store, name: names.RefreshToken, reads: 1}
	w.clock.Advance(time.Minute)
	w.want(rotation.Idle)
}

func TestHealthyActions(t *testing.T) {
	for action, healthy := range map[rotation.Action]bool{
		rotation.Idle: true, rotation.Rotated: true, rotation.Replayed: true, rotation.AwaitingConsent: true, rotation.Contended: true,
		rotation.Refused: false, rotation.Misconfigured: false, rotation.InDoubt: false, rotation.Failed: false, "": false,
	} {
		require.Equal(t, healthy, action.Healthy(), action)
	}
}
