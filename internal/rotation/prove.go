package rotation

import (
	"context"
	"fmt"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// prove proves, under the lock, that the store takes a secret right now: it
// writes ACCESS_TOKEN as it is. The lock is no proof of that: it is a String,
// which no key encrypts, and a key that decrypts what was read need not encrypt
// what comes next.
//
// A token in doubt is presented without this proof: its successor may be saved
// later, and is lost for certain if nobody asks for it.
func (t *tick) prove(ctx context.Context, s *family.Snapshot) error {
	value := s.AccessRaw
	if value.IsZero() {
		value = atlassian.NewSecret(family.Unfilled)
	}
	name := t.names.AccessToken
	version, between, err := t.overwrite(ctx, name, value, store.Encrypted, s.AccessToken.Version, fewAttempts)
	if err != nil {
		return fmt.Errorf("the store does not take a secret: %w", err)
	}
	if len(between) > 0 {
		_, _, err := t.overwrite(ctx, name, between[len(between)-1].Value, store.Encrypted, version, fewAttempts)
		return errLost{fmt.Sprintf("%s was written meanwhile, and stays (%v)", name, err)}
	}
	s.AccessToken.Version = version
	return nil
}
