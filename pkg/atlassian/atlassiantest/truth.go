package atlassiantest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	// Presenter is who presented the token, or exchanged the code, that did it;
	// empty for causes that need no request.
	Presenter string `json:"presenter,omitempty"`
	// Generation and Sibling of the token that was presented, for causes that
	// are a presentation.
	Generation int `json:"generation"`
	Sibling    int `json:"sibling"`
}

// FamilyInfo is the truth about one family.
type FamilyInfo struct {
	ID        string `json:"id"`
	ClientID  string `json:"client_id"`
	AccountID string `json:"account"`
	CloudID   string `json:"cloud_id"`
	// Scopes of the grant now. Shared: do not modify.
	Scopes []string `json:"scopes"`
	// Born is the time of the consent, Active that of the last issue of tokens.
	Born   time.Time `json:"born"`
	Active time.Time `json:"active"`
	// Generation is the highest issued; 0 came from the code.
	Generation int `json:"generation"`
	// Death is nil while the family lives.
	Death *Death `json:"death,omitempty"`
	// Ends is when, without any further event, time alone ends the family, and
	// EndCause why; zero when both limits are off or the family is dead.
	Ends     time.Time `json:"ends,omitzero"`
	EndCause Cause     `json:"end_cause,omitempty"`
}

// Alive reports whether the family lives.
func (f FamilyInfo) Alive() bool { return f.Death == nil }

// Status is the state of one token.
type Status string

// The states of a token. A token is accepted in the first two only.
const (
	// StatusLive: never presented (refresh) or valid (access).
	StatusLive Status = "live"
	// StatusReusable: spent, and acceptable until its reuse interval ends.
	StatusReusable Status = "reusable"
	// StatusSpent: presenting it kills the family (refresh) or is refused (access).
	StatusSpent Status = "spent"
	// StatusRevoked: its family is dead, or it is a sibling that was ended.
	StatusRevoked Status = "revoked"
	// StatusExpired: an access token past its expiry.
	StatusExpired Status = "expired"
)

// TokenInfo is the truth about one refresh or access token.
type TokenInfo struct {
	// Kind is "refresh" or "access".
	Kind     string `json:"kind"`
	FamilyID string `json:"family"`
	// Generation counts rotations; Sibling counts the spends of one token,
	// beginning with 0 for the successor that its first spend issued.
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

// MarshalJSON implements json.Marshaler: the fields, and the fingerprint in the
// token's place.
func (t TokenInfo) MarshalJSON() ([]byte, error) {
	type fields TokenInfo
	return json.Marshal(struct {
		fields
		Fingerprint string `json:"fingerprint"`
	}{fields(t), t.Fingerprint()})
}

// Families returns every family in the order of the exchanges.
func (e *Emulator) Families() []FamilyInfo {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]FamilyInfo, 0, len(e.families))
	now := e.clock.Now()
	for _, f := range e.families {
		list = append(list, e.info(f, now))
	}
	return list
}

// Family returns the family with this id.
func (e *Emulator) Family(id string) (FamilyInfo, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, f := range e.families {
		if f.id == id {
			return e.info(f, e.clock.Now()), true
		}
	}
	return FamilyInfo{}, false
}

func (e *Emulator) info(f *family, now time.Time) FamilyInfo {
	f.settle(now, &e.policy)
	info := FamilyInfo{
		ID: f.id, ClientID: f.app.ClientID, AccountID: f.account.ID, CloudID: f.cloudID,
		Scopes: f.grant.scopes, Born: f.born, Active: f.active, Generation: int(f.generation),
	}
	if f.death != nil {
		d := *f.death
		info.Death = &d
	} else {
		info.Ends, info.EndCause = f.expiry(&e.policy)
	}
	return info
}

// Lookup tells what a refresh or access token is. It is false for a text that
// this emulator never issued as one of these.
func (e *Emulator) Lookup(token atlassian.Secret) (TokenInfo, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := token.Reveal()
	id, known := e.minter.identify(text)
	f := e.familyBySeq(id.family)
	if known != formKnown || id.kind == kindCode || f == nil {
		return TokenInfo{}, false
	}
	now := e.clock.Now()
	f.settle(now, &e.policy)
	p := f.pairs[id.serial]
	if p != nil && text != p.refresh && text != p.access {
		return TokenInfo{}, false
	}
	return e.tokenInfo(f, p, id, token, now), true
}

// LiveTokens returns every token that would be accepted now (StatusLive and
// StatusReusable), in the order of issue, the refresh token of a pair first.
func (e *Emulator) LiveTokens() []TokenInfo {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []TokenInfo
	now := e.clock.Now()
	for _, f := range e.families {
		f.settle(now, &e.policy)
		serials := make([]uint64, 0, len(f.pairs))
		for s := range f.pairs {
			serials = append(serials, s)
		}
		slices.Sort(serials)
		for _, s := range serials {
			p := f.pairs[s]
			for _, text := range []string{p.refresh, p.access} {
				id := tokenID{kindRefresh, f.seq, p.serial, p.generation, p.sibling}
				if text == p.access {
					id.kind = kindAccess
				}
				if text == "" {
					continue
				}
				if info := e.tokenInfo(f, p, id, atlassian.NewSecret(text), now); info.Status == StatusLive || info.Status == StatusReusable {
					list = append(list, info)
				}
			}
		}
	}
	return list
}

func (e *Emulator) tokenInfo(f *family, p *pair, id tokenID, token atlassian.Secret, now time.Time) TokenInfo {
	info := TokenInfo{
		Kind: "refresh", FamilyID: f.id, Generation: int(id.generation), Sibling: int(id.sibling), Token: token,
	}
	if id.kind == kindAccess {
		info.Kind = "access"
	}
	switch {
	case f.death != nil || p != nil && p.revoked:
		info.Status = StatusRevoked
	case p == nil:
		info.Status = StatusSpent
	case id.kind == kindAccess && !now.Before(p.accessExpires):
		info.Status = StatusExpired
	case id.kind == kindAccess && !f.accessLives(p, now):
		info.Status = StatusSpent
	case !p.spent:
		info.Status = StatusLive
	case id.kind == kindRefresh && e.fatal(p, now) != "":
		info.Status = StatusSpent
	default:
		info.Status = StatusReusable
	}
	return info
}
