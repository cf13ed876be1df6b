package atlassiantest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Cause says why a family died.
type Cause string

// The causes of death.
const (
	CauseReplayedAfterReuseInterval Cause = "replayed_after_reuse_interval"
	CauseOlderGenerationReplayed    Cause = "older_generation_replayed"
	CauseRevokedSiblingPresented    Cause = "revoked_sibling_presented"
	CauseExpiredAbsolute            Cause = "expired_absolute"
	CauseInactive                   Cause = "inactive"
	CauseRevokedByUser              Cause = "revoked_by_user"
	CausePasswordChanged            Cause = "password_changed"
	CauseUninstalled                Cause = "uninstalled"
	CauseSupersededByConsent        Cause = "superseded_by_consent"
)

// Death is the end of a family.
type Death struct {
	Cause Cause     `json:"cause"`
	At    time.Time `json:"at"`
	// Presenter is who presented the token or exchanged the code that killed the
	// family. It is empty for causes that need no request.
	Presenter string `json:"presenter,omitempty"`
	// Generation and Sibling identify the presented token, if one was presented.
	Generation int `json:"generation"`
	Sibling    int `json:"sibling"`
}

// FamilyInfo is the truth about one family.
type FamilyInfo struct {
	ID        string `json:"id"`
	ClientID  string `json:"client_id"`
	AccountID string `json:"account"`
	CloudID   string `json:"cloud_id"`
	// Scopes are the grant's current ones. Shared: do not modify.
	Scopes []string `json:"scopes"`
	// Born is the time of the consent, Active the time of the last issue of tokens.
	Born   time.Time `json:"born"`
	Active time.Time `json:"active"`
	// Generation is the highest that was issued; 0 came from the code.
	Generation int `json:"generation"`
	// Death is nil while the family lives.
	Death *Death `json:"death,omitempty"`
	// Ends is when a time limit will end the family if nothing else happens, and
	// EndCause is which. Both are zero if the limits are off or the family is dead.
	Ends     time.Time `json:"ends,omitzero"`
	EndCause Cause     `json:"end_cause,omitempty"`
}

// Alive reports whether the family lives.
func (f FamilyInfo) Alive() bool { return f.Death == nil }

// Status is the state of one token.
type Status string

// The states of a token. A token is accepted in the first two only.
const (
	// StatusLive: not spent yet (refresh) or valid (access).
	StatusLive Status = "live"
	// StatusReusable: spent, and accepted until its reuse interval ends.
	StatusReusable Status = "reusable"
	// StatusSpent: if presented, it kills the family (refresh) or is refused (access).
	StatusSpent Status = "spent"
	// StatusRevoked: its family is dead, or it is a revoked sibling.
	StatusRevoked Status = "revoked"
	// StatusExpired: an access token after its expiry.
	StatusExpired Status = "expired"
)

// TokenInfo is the truth about one refresh or access token.
type TokenInfo struct {
	// Kind is "refresh" or "access".
	Kind     string `json:"kind"`
	FamilyID string `json:"family"`
	// Generation counts rotations. Sibling counts the spends of one token. The
	// successor of the first spend has the number 0.
	Generation int              `json:"generation"`
	Sibling    int              `json:"sibling"`
	Status     Status           `json:"status"`
	Token      atlassian.Secret `json:"-"`
}

// Fingerprint is the first 12 hex digits of the token's SHA-256.
func (t TokenInfo) Fingerprint() string {
	sum := sha256.Sum256([]byte(t.Token.Reveal()))
	return hex.EncodeToString(sum[:6])
}

// MarshalJSON writes the fields, with the fingerprint in place of the token.
func (t TokenInfo) MarshalJSON() ([]byte, error) {
	type fields TokenInfo
	return json.Marshal(struct {
		fields
		Fingerprint string `json:"fingerprint"`
	}{fields(t), t.Fingerprint()})
}

// Families returns every family, in the order of the exchanges.
func (s *families) Families() []FamilyInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]FamilyInfo, 0, len(s.all))
	now := s.clock.Now()
	for _, f := range s.all {
		list = append(list, f.info(now, &s.policy))
	}
	return list
}

// Family returns the family with this id.
func (s *families) Family(id string) (FamilyInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.all {
		if f.id == id {
			return f.info(s.clock.Now(), &s.policy), true
		}
	}
	return FamilyInfo{}, false
}

func (f *family) info(now time.Time, policy *Policy) FamilyInfo {
	f.applyLimits(now, policy)
	info := FamilyInfo{
		ID: f.id, ClientID: f.app.ClientID, AccountID: f.account.ID, CloudID: f.cloudID,
		Scopes: f.grant.scopes, Born: f.born, Active: f.active, Generation: int(f.generation),
	}
	if f.death != nil {
		d := *f.death
		info.Death = &d
	} else {
		info.Ends, info.EndCause = f.expiry(policy)
	}
	return info
}

// Lookup describes a refresh or access token. It returns false for a text that
// this emulator never issued as a refresh or access token.
func (s *families) Lookup(token atlassian.Secret) (TokenInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.identified(token)
	f := s.bySeq(i.id.family)
	if i.form != formKnown || i.id.kind == kindCode || f == nil {
		return TokenInfo{}, false
	}
	now := s.clock.Now()
	f.applyLimits(now, &s.policy)
	p := f.pairs[i.id.serial]
	if p != nil && i.text != p.refresh && i.text != p.access {
		return TokenInfo{}, false
	}
	return s.describeToken(f, p, i.id, token, now), true
}

// identity is what a token says about itself.
type identity struct {
	text string
	id   tokenID
	form form
}

// identified is what a token says about itself. The tokens that were looked up lately are
// remembered: a simulation asks about the same few again and again.
func (s *families) identified(token atlassian.Secret) identity {
	i, ok := s.lately[token]
	if !ok {
		i.text = token.Reveal()
		i.id, i.form = s.minter.identify(i.text)
		if len(s.lately) == lookedUp {
			clear(s.lately)
		}
		s.lately[token] = i
	}
	return i
}

// lookedUp is how many tokens identified remembers at most.
const lookedUp = 16

// LiveTokens returns every token that would be accepted now (StatusLive and
// StatusReusable), in the order of issue. The refresh token of a pair comes first.
func (s *families) LiveTokens() []TokenInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []TokenInfo
	now := s.clock.Now()
	for _, f := range s.all {
		f.applyLimits(now, &s.policy)
		for _, serial := range slices.Sorted(maps.Keys(f.pairs)) {
			p := f.pairs[serial]
			if p.refresh != "" {
				list = append(list, s.describeToken(f, p, p.tokenID(f, kindRefresh), atlassian.NewSecret(p.refresh), now))
			}
			list = append(list, s.describeToken(f, p, p.tokenID(f, kindAccess), atlassian.NewSecret(p.access), now))
		}
	}
	return slices.DeleteFunc(list, func(i TokenInfo) bool { return i.Status != StatusLive && i.Status != StatusReusable })
}

func (s *families) describeToken(f *family, p *pair, id tokenID, token atlassian.Secret, now time.Time) TokenInfo {
	info := TokenInfo{
		Kind: "refresh", FamilyID: f.id, Generation: int(id.generation), Sibling: int(id.sibling),
		Status: s.refreshStatus(f, p, now), Token: token,
	}
	if id.kind == kindAccess {
		info.Kind, info.Status = "access", accessStatus(f, p, now)
	}
	return info
}

// refreshStatus is the status of p's refresh token. A nil p has no record any more.
func (s *families) refreshStatus(f *family, p *pair, now time.Time) Status {
	switch {
	case f.death != nil || p != nil && p.revoked:
		return StatusRevoked
	case fatal(p, now, &s.policy) != "":
		return StatusSpent
	case p.spent:
		return StatusReusable
	}
	return StatusLive
}

// accessStatus is the status of p's access token. A nil p has no record any more.
func accessStatus(f *family, p *pair, now time.Time) Status {
	switch {
	case f.death != nil || p != nil && p.revoked:
		return StatusRevoked
	case p == nil:
		return StatusSpent
	case !now.Before(p.accessExpires):
		return StatusExpired
	case !f.accessLives(p, now):
		return StatusSpent
	case p.spent:
		return StatusReusable
	}
	return StatusLive
}
