package rotation

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// failed ends a spend that yielded no successor: it writes down what is known,
// and releases the lock unless the token is in doubt; then lock and record both
// keep the time of its first spend.
func (t *tick) failed(ctx context.Context, sp spend, out Outcome) Outcome {
	e := sp.failure
	if e.Class == atlassian.Permanent {
		if changed, err := t.tokenChanged(ctx, sp.snapshot); err != nil {
			return out.as(Failed, "Atlassian refused the refresh token, and the store does not say whether it is still the newest: %v", err)
		} else if changed {
			t.release(ctx, sp.lease)
			return out.as(Contended, "the refused refresh token was replaced by another meanwhile")
		}
	}
	if sp.pair != nil {
		// An access token came, though no refresh token.
		sp.record = sp.record.Succeed(*sp.pair)
		value := t.conn.Policy.AccessFormat.EncodeAccessToken(sp.pair.Access, sp.pair.AccessExpiresAt)
		if _, _, err := t.overwrite(ctx, t.names.AccessToken, value, store.Encrypted, sp.snapshot.AccessToken.Version, fewAttempts); err != nil {
			t.log.Error("the access token could not be saved", "error", err)
		}
	}

	f := family.Failure{Class: e.Class.String(), Code: e.Code, At: t.Now(), Token: sp.record.Refresh, Credentials: sp.snapshot.Credentials()}
	if e.RetryAfter > 0 {
		f.RetryAt = f.At.Add(e.RetryAfter)
	}
	if sp.doubt && e.Class != atlassian.Permanent {
		f.FirstSpend = sp.first
	}
	sp.record = sp.record.Fail(f)
	if sp.snapshot.FamilyErr == nil {
		if err := t.saveRecord(ctx, sp.record, sp.snapshot.FamilyVersion, fewAttempts); err != nil {
			t.log.Error("the failure could not be written down", "error", err)
		}
	}
	if f.FirstSpend.IsZero() {
		t.release(ctx, sp.lease)
	}

	out.describe(sp.record, t.Now(), t.conn.Policy)
	switch {
	case e.Class == atlassian.Permanent && sp.doubt:
		return out.as(Refused, "Atlassian refused the refresh token that was in doubt since %s: its successor is lost, and only a new consent helps (%v)", sp.first.UTC().Format(timeForm), e)
	case e.Class == atlassian.Permanent:
		return out.as(Refused, "Atlassian refused the refresh token: it expired or was revoked, and only a new consent helps (%v)", e)
	case e.Class == atlassian.Configuration:
		return out.as(Misconfigured, "Atlassian refused the app's credentials, or the account is inactive; the token family is kept: check CLIENT_ID, CLIENT_SECRET and the account (%v)", e)
	case sp.doubt:
		return out.as(InDoubt, "the refresh token may be spent and its answer is lost; it is presented again within the leeway (%v)", e)
	}
	return out.as(Failed, "the refresh token was not spent and stays valid; the next tick tries again (%v)", e)
}

const timeForm = "2006-01-02T15:04:05Z07:00"

// tokenChanged re-reads the store before a refusal is believed (invariant 4).
func (t *tick) tokenChanged(ctx context.Context, s family.Snapshot) (bool, error) {
	token, err := t.currentToken(ctx)
	return err == nil && token != s.Token(), err
}

// currentToken reads which refresh token the store holds now.
func (t *tick) currentToken(ctx context.Context) (family.Fingerprint, error) {
	entries, err := t.reread(ctx, t.names.RefreshToken)
	if err != nil {
		return "", err
	}
	return family.FingerprintOf(family.FieldOf(entries[t.names.RefreshToken]).Value), nil
}
