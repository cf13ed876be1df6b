package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tokenkeeper/tokenkeeper/internal/ledger"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/memstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const (
	of   = "PSOXY_JIRA_CLOUD_"
	name = of + "TOKEN_LEDGER"
)

// fact is one version of the parameter, as the protocol's text says it is to be
// understood.
type fact struct {
	Of    string
	Base  int64
	After string
	Mark  string
	At    time.Time
	State string
}

// reference folds a whole history by the protocol's text alone: an entry is
// valid if it names the last valid entry before it.
func reference(history []store.Entry) (chain map[string]int64, last fact, version int64) {
	chain = map[string]int64{}
	for _, e := range history {
		var f fact
		if json.Unmarshal([]byte(e.Value.Reveal()), &f) != nil || f.Of != of || f.Mark == "" {
			continue
		}
		age := e.Modified.Sub(f.At).Abs()
		if f.Base == version && f.After == last.Mark && (version > 0 || age < time.Hour) {
			last, version = f, e.Version
			chain[f.Mark] = e.Version
		}
	}
	return chain, last, version
}

// crowd is a ledger with several writers, each of which may look at an old view.
type crowd struct {
	now     time.Time
	mem     *memstore.Store
	log     *unsteady
	writers []*writer
	// backup are values that the ledger has had, also before it was deleted.
	backup []atlassian.Secret
	marks  int
}

// unsteady is a log that loses answers where it is told to.
type unsteady struct {
	ledger.Parameter
	lose bool
}

var errNoAnswer = errors.New("no answer")

func (u *unsteady) Append(ctx context.Context, value atlassian.Secret) (int64, error) {
	v, err := u.Parameter.Append(ctx, value)
	if u.lose {
		return 0, errNoAnswer
	}
	return v, err
}

type writer struct {
	*ledger.Ledger
	base ledger.Entry
	// draft is the last that it put, mark its mark, and open says that it does not
	// know what became of it.
	draft ledger.Draft
	mark  string
	open  bool
	// gone: the ledger was deleted since it looked. Its next entry can stand at the
	// version that it expects, which is looked up only where a new ledger can have
	// come so far since.
	gone bool
}

func newCrowd() *crowd {
	c := &crowd{now: time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)}
	c.mem = memstore.New(func() time.Time { return c.now })
	c.log = &unsteady{Parameter: ledger.Parameter{Store: c.mem, Name: name}}
	for range 3 {
		c.writers = append(c.writers, &writer{Ledger: &ledger.Ledger{Log: c.log, Of: of}})
	}
	return c
}

// history is whole: steps beyond are for the conformance suite.
func (c *crowd) history() []store.Entry {
	h, _ := c.mem.History(context.Background(), name, 0)
	return h
}

func (c *crowd) pick(t *rapid.T) *writer {
	return c.writers[rapid.IntRange(0, len(c.writers)-1).Draw(t, "writer")]
}

// look reads the ledger, as it is or as it was some writes ago.
func (c *crowd) look(t *rapid.T) {
	w, h := c.pick(t), c.history()
	seen := store.Entry{}
	if n := len(h) - rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "behind"); n > 0 {
		seen = h[n-1]
	}
	base, err := w.Newest(t.Context(), seen)
	if !errors.Is(err, ledger.ErrStale) {
		require.NoError(t, err)
		w.base, w.gone = base, false
	}
}

// put appends a new draft on what the writer saw, with or without an answer.
func (c *crowd) put(t *rapid.T) {
	w := c.pick(t)
	const young = 24
	if w.gone && w.base.Version >= young {
		return
	}
	c.marks++
	w.mark = fmt.Sprint("mark ", c.marks)
	w.draft = ledger.NewDraft(of, w.base, atlassian.NewSecret(fmt.Sprintf("%q", w.mark)), c.now, w.mark)
	c.send(t, w)
}

// repeat puts the draft of a writer again, whatever became of it.
func (c *crowd) repeat(t *rapid.T) {
	if w := c.pick(t); w.mark != "" && w.open {
		c.send(t, w)
	}
}

func (c *crowd) send(t *rapid.T, w *writer) {
	c.log.lose = rapid.IntRange(0, 3).Draw(t, "lost") == 0
	e, err := w.Put(t.Context(), w.draft)
	c.log.lose = false
	c.now = c.now.Add(time.Second)
	chain, _, _ := reference(c.history())
	at, valid := chain[w.mark]
	switch {
	case errors.Is(err, errNoAnswer):
		w.open = true
	case errors.Is(err, ledger.ErrOvertaken):
		w.open = false
		require.False(t, valid, "a writer gave up what is valid")
	default:
		w.open = false
		require.NoError(t, err)
		require.True(t, valid, "a writer believes in what is not valid")
		require.Equal(t, at, e.Version)
		w.base = e
	}
}

// write is what other people put there.
func (c *crowd) write(t *rapid.T) {
	for _, e := range c.history() {
		c.backup = append(c.backup, e.Value)
	}
	value := atlassian.NewSecret("garbage")
	if len(c.backup) > 0 && rapid.Bool().Draw(t, "restored") {
		c.now = c.now.Add(2 * time.Hour)
		value = rapid.SampledFrom(c.backup).Draw(t, "value")
	}
	_, err := c.mem.Write(context.Background(), name, value, store.Encrypted)
	require.NoError(t, err)
	c.now = c.now.Add(time.Second)
}

func (c *crowd) remove(*rapid.T) {
	for _, e := range c.history() {
		c.backup = append(c.backup, e.Value)
	}
	_ = c.mem.Delete(context.Background(), name)
	c.now = c.now.Add(time.Second)
	for _, w := range c.writers {
		w.open, w.gone = false, true
	}
}

// agree: who sees the ledger for the first time, and everybody who looks again,
// finds what the reference finds.
func (c *crowd) agree(t *rapid.T) {
	h := c.history()
	newest := store.Entry{}
	if len(h) > 0 {
		newest = h[len(h)-1]
	}
	_, last, version := reference(h)
	for i, w := range append([]*writer{{Ledger: &ledger.Ledger{Log: c.log, Of: of}}}, c.writers...) {
		if i > 0 && rapid.IntRange(0, 2).Draw(t, "looks") > 0 {
			continue
		}
		e, err := w.Newest(t.Context(), newest)
		require.NoError(t, err)
		want := ""
		if version > 0 {
			want = fmt.Sprintf("%q", last.State)
		}
		require.Equal(t, want, e.State.Reveal(), "reader %d of version %d", i, newest.Version)
	}
}

// Writers have stale views, answers are lost, people restore old values and delete
// the ledger. The result is one chain, and all readers agree on it.
func TestOneChain(t *testing.T) {
	for _, deleting := range []bool{false, true} {
		t.Run(fmt.Sprintf("deleted meanwhile: %v", deleting), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				c := newCrowd()
				actions := map[string]func(*rapid.T){"look": c.look, "look again": c.look, "put": c.put, "put more": c.put,
					"repeat": c.repeat, "write": c.write, "": c.agree}
				if deleting {
					actions["delete"] = c.remove
				}
				for name, action := range actions {
					actions[name] = func(t *rapid.T) {
						if len(c.history()) < store.KeptVersions-1 || name == "" {
							action(t)
						}
					}
				}
				t.Repeat(actions)
			})
		})
	}
}
