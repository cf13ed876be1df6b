package family

import (
	"cmp"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Form is the form in which consumers expect ACCESS_TOKEN: the operator's, or the one in
// which it is stored. Where that is damaged, missing or unreadable, it is the form in which
// the newest tokens were published. A connection that shares its rotation with psoxy
// must not lose psoxy's form by accident.
func Form(s Snapshot) psoxy.AccessFormat {
	r, known := s.State.Record, true
	if s.State.Empty() {
		r, known = newestRecord(s, []store.Entry{s.Family}, nil)
	}
	form := cmp.Or(s.AccessFormat, r.AccessFormat)
	if form == "" && !known {
		form = s.Resembles // psoxy's is not replaced by accident
	}
	return cmp.Or(form, psoxy.Raw)
}

// remembered is what a record holds of a form: the bare token needs no word.
func remembered(f psoxy.AccessFormat) psoxy.AccessFormat {
	if f == psoxy.JSON {
		return f
	}
	return ""
}
