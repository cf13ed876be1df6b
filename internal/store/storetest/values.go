package storetest

import (
	"context"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func testExact(s *suite) {
	for n, value := range []string{
		"plain", " ", "\n", "\r\n", "\t x \n", "trailing newline\n", "\nleading", "  both  ",
		"fill me", `{"token":"a","expirationDate":1639526410000}`, `"quoted" \ back\u0041slash`,
		"<html>&amp;</html>", "umlauts äöü, 漢字, 🎫", "e\u0301 is not é", "\u2028\u2029", "\ufeffbom", "\ufffd",
		"%2F%00", "name:1", "arn:aws:ssm:x",
		strings.Repeat("eyJhbGciOiJ", 400) + "\n",
	} {
		name := s.name("VALUE")
		require.EqualValues(s, n+1, s.put(name, value), "value %q", value)
		s.requireEntry(s.get(name), value, int64(n+1))
		e, err := Version(s.Context(), s, name, int64(n+1))
		require.NoError(s, err)
		require.Equal(s, value, e.Value.Reveal())
	}
}

func testImpossibleValues(s *suite) {
	ctx, name := s.Context(), s.name("VALUE")
	for _, test := range []struct {
		value string
		want  error
	}{
		{"", store.ErrEmpty}, {"\xff", store.ErrNotText}, {"ok \xc3", store.ErrNotText},
	} {
		for what, err := range s.puts(ctx, name, secret(test.value)) {
			require.ErrorIs(s, err, test.want, what)
			require.ErrorContains(s, err, name)
		}
		entries, err := s.Read(ctx, name)
		require.NoError(s, err)
		require.Empty(s, entries, "nothing is created")
	}
	s.put(name, "before")
	_, err := s.Write(ctx, name, atlassian.Secret{}, store.Encrypted)
	require.ErrorIs(s, err, store.ErrEmpty)
	s.requireEntry(s.get(name), "before", 1)
}

func testSize(s *suite) {
	ctx, name := s.Context(), s.name("LARGE")
	// Between 4 and 8 KB a parameter has to move to the advanced tier.
	for n, size := range []int{4096, 4097, store.MaxValueBytes} {
		value := strings.Repeat("x", size)
		require.EqualValues(s, n+1, s.put(name, value))
		s.requireEntry(s.get(name), value, int64(n+1))
	}
	for _, value := range []string{
		strings.Repeat("x", store.MaxValueBytes+1),
		strings.Repeat("é", store.MaxValueBytes/2) + "x",
		strings.Repeat("x", 1<<20),
	} {
		_, err := s.Write(ctx, name, secret(value), store.Encrypted)
		require.ErrorIs(s, err, store.ErrTooLarge)
		require.ErrorContains(s, err, name)
		require.NotContains(s, err.Error(), "xxx")
		_, err = s.Create(ctx, s.name("OTHER"), secret(value), store.Encrypted)
		require.ErrorIs(s, err, store.ErrTooLarge)
	}
	s.requireEntry(s.get(name), strings.Repeat("x", store.MaxValueBytes), 3)
	entries, err := s.Read(ctx, s.name("OTHER"))
	require.NoError(s, err)
	require.Empty(s, entries)
}

// testNoLeak provokes every error that can be provoked, with a value that must not
// be seen in any of them.
func testNoLeak(s *suite) {
	const canary = "canary-7c1d"
	ctx, name := s.Context(), s.name("TOKEN")
	s.put(name, canary+" stored")
	over, cancel := context.WithCancel(ctx)
	cancel()

	var errs []error
	add := func(m map[string]error) {
		for _, err := range m {
			errs = append(errs, err)
		}
	}
	add(s.each(over, name, secret(canary)))
	for _, bad := range []string{"", "a b", name + ":1"} {
		add(s.each(ctx, bad, secret(canary)))
	}
	add(s.puts(ctx, name, secret(canary+"\xff")))
	add(s.puts(ctx, name, secret(canary+strings.Repeat(canary, 8000))))
	_, err := s.Create(ctx, name, secret(canary), store.Encrypted)
	errs = append(errs, err)
	_, err = Version(ctx, s, name, 99)
	errs = append(errs, err)

	for _, err := range errs {
		require.Error(s, err)
		require.NotContains(s, chain(err), canary)
	}
	s.requireEntry(s.get(name), canary+" stored", 1)
}

func testContext(s *suite) {
	name := s.name("TOKEN")
	s.put(name, "before")
	over, cancel := context.WithCancel(s.Context())
	cancel()
	for what, err := range s.each(over, name, secret("after")) {
		require.ErrorIs(s, err, context.Canceled, what)
	}
	late, cancel := context.WithTimeout(s.Context(), -1)
	defer cancel()
	for what, err := range s.each(late, name, secret("after")) {
		require.ErrorIs(s, err, context.DeadlineExceeded, what)
	}
	s.requireEntry(s.get(name), "before", 1)
}
