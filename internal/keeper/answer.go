package keeper

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// unlikely is why the refresh token of an answer to an attempt is not believed.
func (sp *spend) unlikely(at time.Time, token atlassian.Token) error {
	why, believed := sp.state.Record.Unlikely(sp.token, token.Refresh, at)
	if why == "" {
		return nil
	}
	if believed != family.Never && !slices.Contains(sp.unbelieved, token.Refresh) {
		sp.unbelieved = append(sp.unbelieved, token.Refresh)
	}
	differ := len(sp.unbelieved) == len(pauses)
	if believed == family.IfAllDiffer && differ || believed == family.AtLast && (differ || sp.longOver()) {
		return nil
	}
	return fmt.Errorf("the answer's refresh token is not believed: %s", why)
}

// receive takes an answer. The presented token is kept where it held no other.
func (sp *spend) receive(at time.Time, token atlassian.Token) {
	sp.failure = nil
	sp.pair = &family.Pair{Refresh: cmp.Or(token.Refresh, sp.token), Access: family.Publishable(sp.view.Snapshot, token.Access, token.Refresh), Scopes: token.Scopes,
		SpentAt: at, AccessExpiresAt: at.Add(token.ExpiresIn)}
	if lost := lostScopes(sp.state.Record.Scopes, token.Scopes); len(lost) > 0 {
		sp.log.Warn("the access token has lost scopes: the account's newest consent to this app has fewer, and consumers may fail; consent again with all of them", "scopes", lost)
	}
	if sp.pair.Access.IsZero() {
		sp.log.Warn("the answer held no usable access token: ACCESS_TOKEN is left as it is until the next rotation")
	}
}

// lostScopes are the scopes that an answer does not name any more. An answer that names none
// tells nothing. The scope offline_access is about the refresh token.
func lostScopes(before, now []string) []string {
	if len(now) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(before), func(s string) bool { return s == "offline_access" || slices.Contains(now, s) })
}

// codeWithheld stands for an error code in the record.
const codeWithheld = "refresh_token_withheld"

var errNoSuccessor = errors.New("the answer held no refresh token")

// countAsLost takes a success without a usable successor for a lost answer.
func (sp *spend) countAsLost(at time.Time, code string, why error) {
	sp.log.Warn("the answer held no usable successor: it counts as lost", "error", why)
	sp.lost(at)
	sp.failure = &atlassian.Error{Op: "refresh", Class: atlassian.Ambiguous, Code: code, Status: 200, Sent: true, Err: why}
}
