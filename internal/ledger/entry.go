package ledger

import (
	"encoding/json"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Entry is a valid entry of a ledger. The zero Entry is none.
type Entry struct {
	// Version is the store's number of this entry; 0 where the ledger is empty.
	Version int64
	// Written is when the store wrote it, by the store's clock.
	Written time.Time
	// State is what the writer said: JSON, and secret.
	State atlassian.Secret
	// mark is unique to the write.
	mark string
}

// form is an entry's JSON.
type form struct {
	// Of is the connection. An entry that was copied from another is invalid.
	Of string `json:"of"`
	// Base is the version of the valid entry that the writer knew, and After its
	// mark; 0 and empty for none.
	Base  int64  `json:"base"`
	After string `json:"after,omitempty"`
	// Mark is unique to the write. It identifies a put that was sent twice.
	Mark string `json:"mark"`
	// At is when the entry was composed, by the writer's idea of the store's clock.
	At    time.Time       `json:"at"`
	State json.RawMessage `json:"state"`
}

// link is one version of the parameter as far as validity is concerned.
type link struct {
	Entry
	base  int64
	after string
	// at is when it was composed. fresh: it was written soon after that; a backup that was put
	// back was not.
	at    time.Time
	fresh bool
	// foreign: the version holds no entry of this ledger.
	foreign bool
	// destroyed: what the version held is gone, and may have been an entry.
	destroyed bool
}

// freshFor is how long after its composition an entry may be written to count as fresh.
const freshFor = time.Hour

// read parses one version of the parameter.
func read(e store.Entry, of string) link {
	l := link{Entry: Entry{Version: e.Version, Written: e.Modified}, foreign: true, destroyed: e.Value.IsZero()}
	var f form
	if json.Unmarshal(e.Value.AppendReveal(nil), &f) != nil || f.Of != of || f.Mark == "" || f.Base < 0 || len(f.State) == 0 {
		return l
	}
	l.base, l.after, l.mark, l.foreign = f.Base, f.After, f.Mark, false
	l.State = atlassian.NewSecret([]byte(f.State))
	l.at, l.fresh = f.At, e.Modified.Sub(f.At).Abs() < freshFor
	return l
}

// Draft is an entry that is about to be written. Putting it again after an
// error is safe: at most one of its copies is valid.
type Draft struct {
	base Entry
	// entry is what the draft will be, still without a version; value is its text.
	entry Entry
	value atlassian.Secret
}

// NewDraft composes an entry on top of base. state is JSON, now the store's
// clock as the writer knows it, and mark unique to this draft.
func NewDraft(of string, base Entry, state atlassian.Secret, now time.Time, mark string) Draft {
	// A RawMessage of valid JSON, a string, a number and a time always encode.
	b, err := json.Marshal(form{Of: of, Base: base.Version, After: base.mark, Mark: mark, At: now.UTC().Truncate(time.Millisecond), State: state.AppendReveal(nil)})
	if err != nil {
		panic("ledger: the state is not JSON")
	}
	return Draft{base: base, entry: Entry{Written: now, State: state, mark: mark}, value: atlassian.NewSecret(b)}
}

// Peek returns what the newest version of the parameter says, valid or not. It serves to look at
// many ledgers in little time, and to learn what a ledger that was moved still tells. Nothing may
// be spent by it. Written is when the entry was composed, if that is earlier.
func Peek(e store.Entry, of string) Entry {
	l := read(e, of)
	if !l.at.IsZero() && l.at.Before(l.Written) {
		l.Written = l.at
	}
	return l.Entry
}
