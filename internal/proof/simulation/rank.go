package simulation

import (
	"slices"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// rank orders refresh tokens: by consent, then generation, then sibling.
type rank struct{ consent, generation, sibling int }

func (r rank) less(s rank) bool {
	switch {
	case r.consent != s.consent:
		return r.consent < s.consent
	case r.generation != s.generation:
		return r.generation < s.generation
	}
	return r.sibling < s.sibling
}

// placed is a refresh token that somebody stored.
type placed struct {
	of    rank
	token atlassian.Secret
	by    *actor
}

// remembered is how many entries of each log are kept. A judgement is about the
// newest tokens only, and what ticks did about them is added up as they end.
const remembered = 64

func push[T any](log []T, e T) []T {
	if len(log) == remembered {
		log = log[1:]
	}
	return append(log, e)
}

// rankOf orders a token by the emulator's truth.
func (o *oracle) rankOf(info atlassiantest.TokenInfo) rank {
	i := slices.Index(o.ids, info.FamilyID)
	if i < 0 {
		o.ids = o.ids[:0]
		for _, f := range o.w.em.Families() {
			o.ids = append(o.ids, f.ID)
		}
		i = slices.Index(o.ids, info.FamilyID)
	}
	return rank{i, info.Generation, info.Sibling}
}

// known looks a refresh token up.
func (o *oracle) known(token atlassian.Secret) (rank, bool) {
	if token.IsZero() {
		return rank{}, false
	}
	info, ok := o.w.em.Lookup(token)
	if !ok || info.Kind != "refresh" {
		return rank{}, false
	}
	return o.rankOf(info), true
}

// best is the newest token of a consent that is stored: in the ledger, or in any
// version of REFRESH_TOKEN that is kept.
func (o *oracle) best(consent int) (p placed, ok bool) {
	if c := &o.chain; c.valid != 0 && c.known && c.of.consent == consent {
		p, ok = placed{c.of, c.token, c.by}, true
	}
	for _, in := range o.inbox {
		if in.of.consent == consent && (!ok || p.of.less(in.of)) {
			p, ok = in, true
		}
	}
	return p, ok
}
