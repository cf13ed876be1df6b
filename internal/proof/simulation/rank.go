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

// tokens knows every token by the emulator's truth.
type tokens struct {
	em *atlassiantest.Emulator
	// ids are all families in the order in which they were given.
	ids []string
}

// rankOf orders a token.
func (t *tokens) rankOf(info atlassiantest.TokenInfo) rank {
	i := slices.Index(t.ids, info.FamilyID)
	if i < 0 {
		t.ids = t.ids[:0]
		for _, f := range t.em.Families() {
			t.ids = append(t.ids, f.ID)
		}
		i = slices.Index(t.ids, info.FamilyID)
	}
	return rank{i, info.Generation, info.Sibling}
}

// known looks a refresh token up.
func (t *tokens) known(token atlassian.Secret) (rank, bool) {
	if token.IsZero() {
		return rank{}, false
	}
	info, ok := t.em.Lookup(token)
	if !ok || info.Kind != "refresh" {
		return rank{}, false
	}
	return t.rankOf(info), true
}

// live reports whether a token is unspent, and not revoked.
func (t *tokens) live(token atlassian.Secret) bool {
	info, ok := t.em.Lookup(token)
	return ok && info.Status == atlassiantest.StatusLive
}

// family is the truth about a consent's family.
func (t *tokens) family(consent int) atlassiantest.FamilyInfo {
	f, _ := t.em.Family(t.ids[consent])
	return f
}
