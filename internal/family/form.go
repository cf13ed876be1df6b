package family

import (
	"cmp"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// Form is the form in which consumers expect ACCESS_TOKEN. The operator decides, or else the
// stored value. Where that is damaged, missing or unreadable, it is the form in which the newest
// tokens were published: psoxy must not lose its form by accident.
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

// remembered is the form as a record holds it: nothing for the bare token.
func remembered(f psoxy.AccessFormat) psoxy.AccessFormat {
	if f == psoxy.JSON {
		return f
	}
	return ""
}
