// Package storetest is the conformance suite of package store. It asserts what the
// rotation relies on, for every adapter.
//
// It uses names of its own, so that the store it is given may be shared and may
// hold other parameters.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Limits are the documented differences of a store from Parameter Store.
type Limits struct {
	// FlatNames: a name has letters, digits, _ and - only, and at most MaxName.
	FlatNames bool
	// AlwaysEncrypted: the kind of every entry is Encrypted.
	AlwaysEncrypted bool
}

// MaxName is the longest name in a store with FlatNames.
const MaxName = 255

// Run runs the whole suite. open returns a store for one subtest; two stores
// that it returns may or may not share their parameters.
func Run(t *testing.T, open func(t *testing.T) store.Store) { RunWith(t, Limits{}, open) }

// RunWith is Run for a store with limits.
func RunWith(t *testing.T, limits Limits, open func(t *testing.T) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*suite)
	}{
		{"what is absent", testAbsent},
		{"create is exclusive", testCreate},
		{"write and read back", testWrite},
		{"history by version", testHistory},
		{"more than a hundred versions", testManyVersions},
		{"versions restart after a delete", testRestart},
		{"the store's clock", testClock},
		{"who wrote it", testBy},
		{"kinds", testKinds},
		{"a store keeps an existing parameter writable whatever its kind", testChangedKind},
		{"twenty-five names", testManyNames},
		{"names", testNames},
		{"impossible names", testImpossibleNames},
		{"values are byte-exact", testExact},
		{"values that cannot be", testImpossibleValues},
		{"the size limit", testSize},
		{"no value in any error", testNoLeak},
		{"a context that is over", testContext},
		{"forty creators", testManyCreators},
		{"concurrent writers", testManyWriters},
		{"readers beside a writer", testReadersBesideWriter},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&suite{T: t, Store: open(t), Limits: limits, prefix: "STORETEST_" + rand.Text()[:10] + "_"})
		})
	}
}

// suite is one subtest's store and the prefix of its names.
type suite struct {
	*testing.T
	store.Store
	Limits
	prefix string
}

func (s *suite) name(suffix string) string { return s.prefix + suffix }

func secret(v string) atlassian.Secret { return atlassian.NewSecret(v) }

func (s *suite) put(name, value string) int64 {
	s.Helper()
	v, err := s.Write(s.Context(), name, secret(value), store.Encrypted)
	require.NoError(s, err)
	return v
}

func (s *suite) get(name string) store.Entry {
	s.Helper()
	entries, err := s.Read(s.Context(), name)
	require.NoError(s, err)
	require.Contains(s, entries, name)
	return entries[name]
}

// requireEntry compares by reveal, so that a failure of the suite, whose values
// are no secrets, says what is wrong.
func (s *suite) requireEntry(e store.Entry, value string, version int64) {
	s.Helper()
	require.Equal(s, value, e.Value.Reveal())
	require.Equal(s, version, e.Version)
	require.WithinDuration(s, time.Now(), e.Modified, time.Hour)
}

func testAbsent(s *suite) {
	ctx, name := s.Context(), s.name("NOBODY")
	entries, err := s.Read(ctx, name, s.name("NOBODY_ELSE"))
	require.NoError(s, err)
	require.Empty(s, entries)

	entries, err = s.Read(ctx)
	require.NoError(s, err)
	require.Empty(s, entries)

	_, err = Version(ctx, s, name, 1)
	require.ErrorIs(s, err, store.ErrNotFound)
	require.ErrorContains(s, err, name)

	err = s.Delete(ctx, name)
	require.ErrorIs(s, err, store.ErrNotFound)
	require.ErrorContains(s, err, name)
}

func testCreate(s *suite) {
	ctx, name := s.Context(), s.name("LOCK")
	v, err := s.Create(ctx, name, secret("mine"), store.Plain)
	require.NoError(s, err)
	require.EqualValues(s, 1, v)

	_, err = s.Create(ctx, name, secret("theirs"), store.Plain)
	require.ErrorIs(s, err, store.ErrExists)
	require.ErrorContains(s, err, name)
	s.requireEntry(s.get(name), "mine", 1)
}

func testWrite(s *suite) {
	name := s.name("TOKEN")
	for n := range int64(5) {
		value := fmt.Sprint("value ", n)
		require.Equal(s, n+1, s.put(name, value))
		s.requireEntry(s.get(name), value, n+1)
	}
	require.EqualValues(s, 6, s.put(name, "value 4"), "the same value again is a version again")
}

func testHistory(s *suite) {
	ctx, name := s.Context(), s.name("TOKEN")
	for n := range 4 {
		s.put(name, fmt.Sprint("value ", n+1))
	}
	for _, v := range []int64{3, 1, 4, 2} {
		e, err := Version(ctx, s, name, v)
		require.NoError(s, err)
		s.requireEntry(e, fmt.Sprint("value ", v), v)
	}
	for _, v := range []int64{-1, 0, 5, 1 << 40} {
		_, err := Version(ctx, s, name, v)
		require.ErrorIs(s, err, store.ErrNotFound, "version %d", v)
	}
}

func testManyVersions(s *suite) {
	ctx, name := s.Context(), s.name("TOKEN")
	const writes = store.KeptVersions + 7
	for n := range int64(writes) {
		require.Equal(s, n+1, s.put(name, fmt.Sprint("value ", n+1)))
	}
	s.requireEntry(s.get(name), fmt.Sprint("value ", writes), writes)
	for _, v := range []int64{writes - store.KeptVersions + 1, writes - 50, writes - 1, writes} {
		e, err := Version(ctx, s, name, v)
		require.NoError(s, err)
		s.requireEntry(e, fmt.Sprint("value ", v), v)
	}
	// Older ones may be kept, but must not be confused with others.
	e, err := Version(ctx, s, name, 1)
	if err == nil {
		s.requireEntry(e, "value 1", 1)
	} else {
		require.ErrorIs(s, err, store.ErrNotFound)
	}
}

func testRestart(s *suite) {
	ctx, name := s.Context(), s.name("LOCK")
	s.put(name, "one")
	s.put(name, "two")
	require.NoError(s, s.Delete(ctx, name))

	entries, err := s.Read(ctx, name)
	require.NoError(s, err)
	require.Empty(s, entries)
	_, err = Version(ctx, s, name, 2)
	require.ErrorIs(s, err, store.ErrNotFound)
	require.ErrorIs(s, s.Delete(ctx, name), store.ErrNotFound)

	v, err := s.Create(ctx, name, secret("three"), store.Encrypted)
	require.NoError(s, err)
	require.EqualValues(s, 1, v)
	s.requireEntry(s.get(name), "three", 1)
	_, err = Version(ctx, s, name, 2)
	require.ErrorIs(s, err, store.ErrNotFound)
}

func testKinds(s *suite) {
	ctx := s.Context()
	for _, kind := range []store.Kind{store.Plain, store.Encrypted} {
		created, written := s.name(fmt.Sprint("CREATED", kind)), s.name(fmt.Sprint("WRITTEN", kind))
		_, err := s.Create(ctx, created, secret("a"), kind)
		require.NoError(s, err)
		_, err = s.Write(ctx, written, secret("b"), kind)
		require.NoError(s, err)
		entries, err := s.Read(ctx, created, written)
		require.NoError(s, err)
		want := kind
		if s.AlwaysEncrypted {
			want = store.Encrypted
		}
		require.Equal(s, want, entries[created].Kind)
		require.Equal(s, want, entries[written].Kind)
		require.Equal(s, "a", entries[created].Value.Reveal())
		require.Equal(s, "b", entries[written].Value.Reveal())
		e, err := Version(ctx, s, created, 1)
		require.NoError(s, err)
		require.Equal(s, want, e.Kind)
	}
}

func testChangedKind(s *suite) {
	ctx, name := s.Context(), s.name("SEED")
	_, err := s.Create(ctx, name, secret("put by hand"), store.Plain)
	require.NoError(s, err)
	v, err := s.Write(ctx, name, secret("rotated"), store.Encrypted)
	require.NoError(s, err)
	require.EqualValues(s, 2, v)
	s.requireEntry(s.get(name), "rotated", 2)
}

func testManyNames(s *suite) {
	var names []string
	for n := range 25 {
		names = append(names, s.name(fmt.Sprint("N", n)))
		if n%3 != 0 {
			s.put(names[n], fmt.Sprint("value ", n))
		}
	}
	s.put(names[24], "value 24") // in the third batch of ten
	asked := append(names, names[1], names[24], names[3])
	entries, err := s.Read(s.Context(), asked...)
	require.NoError(s, err)
	require.Len(s, entries, 25-9+1)
	for n, name := range names {
		if n%3 != 0 || n == 24 {
			require.Equal(s, fmt.Sprint("value ", n), entries[name].Value.Reveal())
		}
	}
}

func testNames(s *suite) {
	names := []string{
		s.name("TOKEN"), s.name("token"), s.name("TOKEN_lock"), s.name("a.b-c"),
		"/" + s.prefix + "/TOKEN", "/" + s.prefix + "/deep/er/TOKEN", "/" + s.prefix + "_TOKEN",
		s.name(strings.Repeat("n", 500)), s.name(strings.Repeat("n", 499) + "m"),
	}
	if s.FlatNames {
		longest := MaxName - len(s.prefix)
		for _, name := range append(names[3:], s.name(strings.Repeat("n", longest+1))) {
			for what, err := range s.each(s.Context(), name, secret("x")) {
				require.ErrorIs(s, err, store.ErrName, "%s of %q", what, name)
			}
		}
		names = append(names[:3], s.name("a-b"), s.name(strings.Repeat("n", longest)), s.name(strings.Repeat("n", longest-1)+"m"))
	}
	for n, name := range names {
		require.EqualValues(s, 1, s.put(name, fmt.Sprint("value ", n)))
	}
	for n, name := range names {
		s.requireEntry(s.get(name), fmt.Sprint("value ", n), 1)
		require.NoError(s, s.Delete(s.Context(), name))
	}
}

func testImpossibleNames(s *suite) {
	ctx, good := s.Context(), s.name("GOOD")
	s.put(good, "here")
	for _, name := range []string{"", good + ":1", "with space", "../" + s.prefix + "\x00", strings.Repeat("n", store.MaxNameBytes+1)} {
		for what, err := range s.each(ctx, name, secret("x")) {
			require.ErrorIs(s, err, store.ErrName, "%s of %q", what, name)
		}
		_, err := s.Read(ctx, good, name)
		require.ErrorIs(s, err, store.ErrName)
	}
	s.requireEntry(s.get(good), "here", 1)
}

// each calls every method once, and returns the errors by method.
func (s *suite) each(ctx context.Context, name string, value atlassian.Secret) map[string]error {
	errs := s.puts(ctx, name, value)
	_, errs["Read"] = s.Read(ctx, name)
	_, errs["History"] = s.History(ctx, name, 1)
	errs["Delete"] = s.Delete(ctx, name)
	return errs
}

// puts is each for the methods that take a value.
func (s *suite) puts(ctx context.Context, name string, value atlassian.Secret) map[string]error {
	_, create := s.Create(ctx, name, value, store.Encrypted)
	_, write := s.Write(ctx, name, value, store.Encrypted)
	return map[string]error{"Create": create, "Write": write}
}

// chain renders an error and all that it wraps, in every verb.
func chain(err error) string {
	var b strings.Builder
	for ; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&b, "%v %+v %#v %q\n", err, err, err, err)
	}
	return b.String()
}
