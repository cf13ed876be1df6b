package gcpstore

import (
	"context"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// sideBySide is how many calls a Read or a History makes at once.
const sideBySide = 16

// castagnoli is the checksum that Secret Manager keeps with a payload.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(data []byte) uint32 { return crc32.Checksum(data, castagnoli) }

// number is the version's in its resource name, or 0.
func number(resource string) int64 {
	_, last, found := strings.Cut(resource, "/versions/")
	n, err := strconv.ParseInt(last, 10, 64)
	if !found || err != nil || n < 1 {
		return 0
	}
	return n
}

// version is one version of a secret as far as it is known.
type version struct {
	number int64
	state  secretmanagerpb.SecretVersion_State
	at     time.Time
	value  atlassian.Secret
	// closed: the payload cannot be accessed.
	closed bool
}

// Read implements store.Store: for each name one GetSecretVersion and two
// AccessSecretVersion, side by side; more where `latest` lags behind.
func (s *Store) Read(ctx context.Context, names ...string) (map[string]store.Entry, error) {
	for _, name := range names {
		if err := s.check(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var clock clock
	entries := make([]*store.Entry, len(names))
	err := each(ctx, len(names), func(ctx context.Context, i int) (err error) {
		if secret, ok := lockSecret(names[i]); ok {
			entries[i], err = s.readLock(ctx, names[i], secret, &clock)
			return err
		}
		v, err := s.newest(ctx, names[i], &clock)
		if err == nil && v.number > 0 {
			entries[i], err = v.entry(names[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := make(map[string]store.Entry, len(names))
	for i, e := range entries {
		if e != nil {
			e.ReadAt = clock.latest()
			found[names[i]] = *e
		}
	}
	return found, nil
}

// History implements store.Store. It shows as many versions as are kept, those that
// somebody destroyed among them: a ledger needs all numbers.
func (s *Store) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	if err := s.check(ctx, name); err != nil {
		return nil, err
	}
	var clock clock
	if secret, ok := lockSecret(name); ok {
		e, err := s.readLock(ctx, name, secret, &clock)
		if e == nil || from > e.Version {
			return nil, err
		}
		e.ReadAt = clock.latest()
		return []store.Entry{*e}, err
	}
	newest, err := s.newest(ctx, name, &clock)
	if err != nil {
		return nil, err
	}
	first := max(1, from, newest.number-s.kept(name)+1)
	if newest.number < first {
		return nil, nil
	}
	versions, err := s.versions(ctx, name, first, newest, &clock)
	if err != nil {
		return nil, err
	}
	var entries []store.Entry
	for _, v := range versions {
		e, err := v.entry(name)
		if err != nil {
			return nil, err
		}
		e.ReadAt = clock.latest()
		entries = append(entries, *e)
	}
	return entries, nil
}

// kept is how many versions of a parameter are kept.
func (s *Store) kept(name string) int64 {
	if s.Keep == nil {
		return store.KeptVersions
	}
	return int64(min(max(s.Keep(name), 10), store.KeptVersions))
}

// newest finds the newest version: from `latest`, which may lag behind, or from what
// this process has seen, it goes on by number. The zero version means that there is
// none.
func (s *Store) newest(ctx context.Context, name string, clock *clock) (version, error) {
	latest, err := s.describe(ctx, name, "latest", clock)
	if err != nil {
		return version{}, err
	}
	var v version // none of both may exist: it was deleted, and perhaps begun anew
	for _, from := range []version{{number: s.seen(name)}, latest} {
		if from.number == 0 || from.number < latest.number || v.number > 0 {
			continue
		}
		exists, err := s.access(ctx, name, &from, clock)
		if err != nil {
			return version{}, err
		}
		if exists {
			v = from
		}
	}
	for {
		next := version{number: v.number + 1}
		exists, err := s.access(ctx, name, &next, clock)
		if err != nil {
			return version{}, err
		}
		if !exists {
			break
		}
		v = next
	}
	s.see(name, v.number)
	if v.number == 0 || v.number == latest.number && !v.closed {
		v.state, v.at = latest.state, latest.at
		return v, nil
	}
	return v, s.complete(ctx, name, &v, clock)
}

// seen is the newest version of a parameter that this process has seen.
func (s *Store) seen(name string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbers[name]
}

func (s *Store) see(name string, version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers[name] = version
}

// wrote remembers when this process added a version.
func (s *Store) wrote(name string, version int64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written[name] == nil {
		s.written[name] = map[int64]time.Time{}
	}
	s.written[name][version] = at
	delete(s.written[name], version-store.KeptVersions)
}

// versions are those from the given one to the newest, in ascending order.
func (s *Store) versions(ctx context.Context, name string, first int64, newest version, clock *clock) ([]version, error) {
	all := make([]version, newest.number-first+1)
	for i := range all {
		all[i].number = first + int64(i)
	}
	all[len(all)-1] = newest
	if len(all) > 4 {
		err := s.list(ctx, name, clock, func(v version) bool {
			if i := v.number - first; i >= 0 && i < int64(len(all)-1) {
				all[i].state, all[i].at = v.state, v.at
			}
			return v.number > first
		})
		if err != nil {
			return nil, err
		}
	}
	return all, each(ctx, len(all)-1, func(ctx context.Context, i int) error {
		v := &all[i]
		if v.state == secretmanagerpb.SecretVersion_DESTROYED {
			return nil
		}
		if _, err := s.access(ctx, name, v, clock); err != nil {
			return err
		}
		if v.state == secretmanagerpb.SecretVersion_STATE_UNSPECIFIED || v.closed {
			return s.complete(ctx, name, v, clock)
		}
		return nil
	})
}

// complete adds to a version what is not in its payload. When it was written must
// be known: by that a keeper decides whether another one is still at work, and
// whether a token may be presented again. A version whose metadata have not
// propagated, and that this process has not written, makes the read fail.
func (s *Store) complete(ctx context.Context, name string, v *version, clock *clock) error {
	described, err := s.describe(ctx, name, strconv.FormatInt(v.number, 10), clock)
	switch {
	case err != nil:
		return err
	case described.number > 0:
		v.state, v.at = described.state, described.at
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.written[name][v.number]; ok {
		v.at = at
		return nil
	}
	return fmt.Errorf("%s: version %d is there, and Secret Manager does not tell yet when it was added; try again", name, v.number)
}

// describe reads the metadata of a version: by its number, or as "latest". The zero
// version means that there is none.
func (s *Store) describe(ctx context.Context, name, which string, clock *clock) (version, error) {
	found, err := call(ctx, calling{what: "GetSecretVersion", name: name, clock: clock}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.SecretVersion, error) {
		return s.client.GetSecretVersion(ctx, &secretmanagerpb.GetSecretVersionRequest{Name: s.secret(name) + "/versions/" + which}, o...)
	})
	if codeOf(err) == codes.NotFound {
		return version{}, nil
	}
	return versionOf(found), err
}

func versionOf(v *secretmanagerpb.SecretVersion) version {
	return version{number: number(v.GetName()), state: v.GetState(), at: v.GetCreateTime().AsTime()}
}

// access reads the payload of a version by its number. exists is false if there is
// no such version. One that is disabled or destroyed exists, and is closed.
func (s *Store) access(ctx context.Context, name string, v *version, clock *clock) (exists bool, err error) {
	found, err := call(ctx, calling{what: "AccessSecretVersion", name: name, clock: clock}, func(ctx context.Context, o ...gax.CallOption) (*secretmanagerpb.AccessSecretVersionResponse, error) {
		return s.client.AccessSecretVersion(ctx, &secretmanagerpb.AccessSecretVersionRequest{Name: s.secret(name) + "/versions/" + strconv.FormatInt(v.number, 10)}, o...)
	})
	switch codeOf(err) {
	case codes.NotFound:
		return false, nil
	case codes.FailedPrecondition:
		v.closed = true
		return true, nil
	case codes.OK:
	default:
		return false, err
	}
	payload := found.GetPayload()
	if payload.DataCrc32C != nil && *payload.DataCrc32C != int64(checksum(payload.GetData())) {
		return false, fmt.Errorf("%s: version %d arrived damaged: its checksum differs; try again", name, v.number)
	}
	v.value, v.closed = atlassian.NewSecret(string(payload.GetData())), false
	return true, nil
}

// list hands the metadata of the versions to yield, the newest first, until that
// returns false.
func (s *Store) list(ctx context.Context, name string, clock *clock, yield func(version) bool) error {
	_, err := call(ctx, calling{what: "ListSecretVersions", name: name, clock: clock}, func(ctx context.Context, o ...gax.CallOption) (struct{}, error) {
		found := s.client.ListSecretVersions(ctx, &secretmanagerpb.ListSecretVersionsRequest{Parent: s.secret(name), PageSize: store.KeptVersions}, o...)
		for v, err := range found.All() {
			if err != nil {
				return struct{}{}, err
			}
			if !yield(versionOf(v)) {
				break
			}
		}
		return struct{}{}, nil
	})
	if codeOf(err) == codes.NotFound {
		return nil
	}
	return err
}

// entry turns a version into an Entry, without a value where it was destroyed.
func (v version) entry(name string) (*store.Entry, error) {
	if v.closed && v.state != secretmanagerpb.SecretVersion_DESTROYED {
		if v.state == secretmanagerpb.SecretVersion_DISABLED {
			return nil, fmt.Errorf("%s: version %d is disabled: enable it, or destroy it if it must not count: %w", name, v.number, store.ErrDenied)
		}
		return nil, fmt.Errorf("%s: version %d cannot be accessed: it is being disabled or destroyed, or the secret's own encryption key cannot be used: %w", name, v.number, store.ErrDenied)
	}
	return &store.Entry{Value: v.value, Version: v.number, Modified: v.at, Kind: store.Encrypted}, nil
}

// each runs do for 0 to n-1, some side by side, and returns the first error.
func each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	room := make(chan struct{}, sideBySide)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			if ctx.Err() != nil {
				return
			}
			if err := do(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
