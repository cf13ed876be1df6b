package ledger

import (
	"encoding/json"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Entry is a valid entry of a ledger. The zero Entry means that there is none.
type Entry struct {
	// Version is the store's number of this entry; 0 where the ledger is empty.
	Version int64
	// Written is when the store wrote it, by the store's clock.
	Written time.Time
	// State is what the writer said: JSON, and secret.
	State atlassian.Secret
}

// form is an entry's JSON.
type form struct {
	// Of is the connection. An entry that was copied from another is invalid.
	Of string `json:"of"`
	// Base is the version of the valid entry that the writer knew; 0 for none.
	Base int64 `json:"base"`
	// Mark is unique to the write. It identifies a put that was sent twice.
	Mark string `json:"mark"`
	// At is when the entry was composed, by the writer's idea of the store's clock.
	At    time.Time       `json:"at"`
	State json.RawMessage `json:"state"`
}

// link is one version of the parameter as far as validity is concerned.
type link struct {
	Entry
	base int64
	mark string
	// rooted: the entry may be the first of a ledger.
	rooted bool
	// foreign: the version holds no entry of this ledger.
	foreign bool
}

// rootAge is how far the composition of a root may lie from its writing. A root
// names no base, so a backup of one that is put back into a deleted parameter
// could otherwise pass.
const rootAge = time.Hour

// read parses one version of the parameter.
func read(e store.Entry, of string) link {
	l := link{Entry: Entry{Version: e.Version, Written: e.Modified}, foreign: true}
	var f form
	if json.Unmarshal([]byte(e.Value.Reveal()), &f) != nil || f.Of != of || f.Mark == "" || f.Base < 0 || len(f.State) == 0 {
		return l
	}
	l.base, l.mark, l.foreign = f.Base, f.Mark, false
	l.State = atlassian.NewSecret(string(f.State))
	l.rooted = f.Base == 0 && e.Modified.Sub(f.At).Abs() < rootAge
	return l
}

// Draft is an entry that is about to be written. Putting it again after an
// error is safe: at most one of its copies is valid.
type Draft struct {
	base  int64
	mark  string
	value atlassian.Secret
}

// NewDraft composes an entry on top of base. state is JSON, now the store's
// clock as the writer knows it, and mark unique to this draft.
func NewDraft(of string, base Entry, state atlassian.Secret, now time.Time, mark string) Draft {
	// A RawMessage of valid JSON, a string, a number and a time always encode.
	b, err := json.Marshal(form{Of: of, Base: base.Version, Mark: mark, At: now.UTC().Truncate(time.Millisecond), State: json.RawMessage(state.Reveal())})
	if err != nil {
		panic("ledger: the state is not JSON")
	}
	return Draft{base: base.Version, mark: mark, value: atlassian.NewSecret(string(b))}
}

// Peek returns what the newest version of the parameter says, valid or not: to
// look at many ledgers in little time. Nothing may be decided by it.
func Peek(e store.Entry, of string) Entry { return read(e, of).Entry }
