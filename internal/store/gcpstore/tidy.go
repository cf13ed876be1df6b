package gcpstore

import (
	"context"
	"strings"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

const (
	// leastKept is how many versions are kept at least.
	leastKept = 5
	// tidyEvery is how many writes come between two looks at old versions.
	tidyEvery = 5
	// youngest is how old a version must be to be destroyed: psoxy may still read one
	// that it learned of ten minutes ago.
	youngest = time.Hour
	// tidyTime is all that a write waits for it.
	tidyTime = 5 * time.Second
	// enough versions in a row that are destroyed already: so are those before.
	enough = 30
)

// kept is how many versions of a parameter are kept, and shown how many of them
// History shows: of a chain also those that are destroyed.
func (c Config) kept(name string) (kept, shown int64) {
	if c.Keep == nil {
		return store.KeptVersions, store.KeptVersions
	}
	n, chain := c.Keep(name)
	kept = int64(min(max(n, leastKept), store.KeptVersions))
	if chain {
		return kept, store.KeptVersions
	}
	return kept, kept
}

// expendable is the number up to which versions need not be kept; 0 for none. While
// History shows a chain from its beginning, all of it is kept.
func (c Config) expendable(name string, newest int64) int64 {
	kept, shown := c.kept(name)
	if newest <= shown {
		return 0
	}
	return newest - kept
}

// KeepFew is a Config.Keep for a connection: of its ledger the entries of five hours, of
// REFRESH_TOKEN the rotations of eight, in which a candidate is asked about four times, and
// of each other copy five versions. A ledger whose newest entry proves itself, as almost
// all do, is read without the others.
func KeepFew(name string) (versions int, chain bool) {
	switch {
	case strings.HasSuffix(name, "TOKEN_LEDGER"):
		return 20, true
	case strings.HasSuffix(name, "REFRESH_TOKEN"):
		return 15, false
	}
	return 5, false
}

// tidy destroys the versions that are no longer kept, after every fifth write. What
// it does not reach is left to the next time.
func (s *Store) tidy(ctx context.Context, name string, newest int64) {
	last := s.expendable(name, newest)
	if newest%tidyEvery != 0 || last == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tidyTime)
	defer cancel()
	var now time.Time
	var old []int64
	destroyed := 0
	err := s.api.list(ctx, name, nil, func(v version) bool {
		if now.IsZero() {
			now = v.at
		}
		switch {
		case v.number > last:
		case v.state == secretmanagerpb.SecretVersion_DESTROYED:
			destroyed++
		case now.Sub(v.at) >= youngest:
			old, destroyed = append(old, v.number), 0
		}
		return destroyed < enough
	})
	if err == nil {
		err = each(ctx, len(old), func(ctx context.Context, i int) error { return s.api.destroy(ctx, name, old[i]) })
	}
	if err != nil {
		s.Log.Warn("versions that are no longer needed could not be destroyed, and cost money", "parameter", name, "error", err)
	}
}
