package filestore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/storetest"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	require.NoError(t, err)
	return s
}

// newDir returns the path of a directory that does not exist yet.
func newDir(t *testing.T) string { return filepath.Join(t.TempDir(), "a", "store") }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, newDir(t)) })
}

// What one Store wrote, another one on the same directory continues.
func TestSurvivesReopening(t *testing.T) {
	ctx, dir := t.Context(), newDir(t)
	_, err := open(t, dir).Write(ctx, "A", atlassian.NewSecret("one"), store.Encrypted)
	require.NoError(t, err)
	again := open(t, dir)
	v, err := again.Write(ctx, "A", atlassian.NewSecret("two"), store.Encrypted)
	require.NoError(t, err)
	require.EqualValues(t, 2, v)
	e, err := storetest.Version(ctx, open(t, dir), "A", 1)
	require.NoError(t, err)
	require.Equal(t, "one", e.Value.Reveal())
	require.Equal(t, store.Encrypted, e.Kind)
	require.WithinDuration(t, time.Now(), e.Modified, time.Minute)
}

func TestEverythingIsPrivate(t *testing.T) {
	dir := newDir(t)
	_, err := open(t, dir).Write(t.Context(), "/psoxy/TOKEN", atlassian.NewSecret("x"), store.Encrypted)
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, dirMode, info.Mode().Perm())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the lock and the parameter, nothing temporary")
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, fileMode, info.Mode().Perm(), e.Name())
	}
}

func TestRefusesWhatIsOpenToOthers(t *testing.T) {
	ctx := t.Context()
	for _, mode := range []os.FileMode{0o755, 0o710, 0o701, 0o770} {
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, mode))
		_, err := Open(dir)
		require.ErrorContains(t, err, dir)
		require.ErrorContains(t, err, "expected 0700")
		require.ErrorContains(t, err, "chmod 700")
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o666} {
		dir := newDir(t)
		s := open(t, dir)
		_, err := s.Write(ctx, "A", atlassian.NewSecret("canary"), store.Encrypted)
		require.NoError(t, err)
		file := filepath.Join(dir, "A.json")
		require.NoError(t, os.Chmod(file, mode))

		_, err = Open(dir)
		require.ErrorContains(t, err, file)
		require.ErrorContains(t, err, "chmod 600")
		_, err = s.Read(ctx, "A")
		require.ErrorContains(t, err, "expected 0600")
		_, err = s.Write(ctx, "A", atlassian.NewSecret("new"), store.Encrypted)
		require.ErrorContains(t, err, "expected 0600")
		require.NotContains(t, err.Error(), "canary")

		require.NoError(t, os.Chmod(file, 0o600))
		v, err := s.Write(ctx, "A", atlassian.NewSecret("new"), store.Encrypted)
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
	}
}

func TestOpenRefusesWhatIsNoDirectory(t *testing.T) {
	_, err := Open("")
	require.ErrorContains(t, err, "expected a path")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = Open(file)
	require.ErrorContains(t, err, "is not a directory")

	dir := newDir(t)
	open(t, dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "A.json"), 0o700))
	_, err = Open(dir)
	require.ErrorContains(t, err, "not a regular file")
}

// A directory that vanished is an error, not an empty store: an empty store
// would be read as "no tokens yet".
func TestDirectoryGone(t *testing.T) {
	ctx, dir := t.Context(), newDir(t)
	s := open(t, dir)
	require.NoError(t, os.RemoveAll(dir))
	_, err := s.Read(ctx, "A")
	require.ErrorContains(t, err, dir)
	_, err = s.Write(ctx, "A", atlassian.NewSecret("x"), store.Plain)
	require.ErrorContains(t, err, "is gone")
}

// A damaged file is neither absent nor quoted, is not overwritten, and can be
// removed.
func TestDamagedFile(t *testing.T) {
	ctx := t.Context()
	for _, content := range []string{
		"", "canary", "{", "null", "[]", `{"name":"A"}`, `{"name":"A","type":"String","versions":[]}`,
		`{"name":"A","type":"String","versions":[{"version":1,"value":12345}]}`,
		`{"name":"A","type":"canary","versions":[{"version":1,"value":"x"}]}`,
		`{"name":"A","type":"String","versions":[{"version":0,"value":"x"}]}`,
		`{"name":"A","type":"String","versions":[{"version":1,"value":""}]}`,
		`{"name":"A","type":"String","versions":[{"version":2,"value":"x"},{"version":1,"value":"y"}]}`,
		`{"name":"a","type":"String","versions":[{"version":1,"value":"canary"}]}`,
	} {
		dir := newDir(t)
		s := open(t, dir)
		file := filepath.Join(dir, "A.json")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))

		_, err := s.Read(ctx, "A")
		require.ErrorContains(t, err, file, content)
		require.NotContains(t, err.Error(), "canary")
		require.NotContains(t, err.Error(), "12345")
		_, err = s.Write(ctx, "A", atlassian.NewSecret("x"), store.Plain)
		require.Error(t, err)
		kept, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, content, string(kept))

		if !strings.Contains(content, `"a"`) { // another parameter's file stays
			require.NoError(t, s.Delete(ctx, "A"))
			_, err = s.Create(ctx, "A", atlassian.NewSecret("x"), store.Plain)
			require.NoError(t, err)
		}
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	dir := newDir(t)
	s := open(t, dir)
	temp := filepath.Join(dir, tempName)
	require.NoError(t, os.WriteFile(temp, []byte(`{"name":"A","ver`), 0o600))
	open(t, dir)
	require.NoFileExists(t, temp)

	// Also when a neighbour was killed while this store stayed open.
	require.NoError(t, os.WriteFile(temp, []byte(strings.Repeat("torn ", 9999)), 0o600))
	_, err := s.Write(t.Context(), "A", atlassian.NewSecret("x"), store.Plain)
	require.NoError(t, err)
	require.NoFileExists(t, temp)
	entries, err := s.Read(t.Context(), "A")
	require.NoError(t, err)
	require.Equal(t, "x", entries["A"].Value.Reveal())
}

// A disk that refuses the new file leaves the old parameter as it was.
func TestFailedWriteChangesNothing(t *testing.T) {
	ctx, dir := t.Context(), newDir(t)
	s := open(t, dir)
	_, err := s.Write(ctx, "A", atlassian.NewSecret("old"), store.Plain)
	require.NoError(t, err)
	// A directory that is not empty can be neither removed nor opened as a file.
	require.NoError(t, os.MkdirAll(filepath.Join(dir, tempName, "x"), 0o700))
	_, err = s.Write(ctx, "A", atlassian.NewSecret("canary"), store.Plain)
	require.ErrorContains(t, err, "A:")
	require.NotContains(t, err.Error(), "canary")
	entries, err := s.Read(ctx, "A")
	require.NoError(t, err)
	require.Equal(t, "old", entries["A"].Value.Reveal())
	require.EqualValues(t, 1, entries["A"].Version)
}

// Waiting for the lock ends with the context, and a wait given up gives the
// lock back.
func TestLockWaitEndsWithContext(t *testing.T) {
	dir := newDir(t)
	s := open(t, dir)
	held, err := s.dir.lock(t.Context())
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = s.Write(ctx, "A", atlassian.NewSecret("x"), store.Plain)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	entries, err := s.Read(t.Context(), "A") // reads do not wait
	require.NoError(t, err)
	require.Empty(t, entries)

	// With one goroutine of this Store waiting, the next waits its turn.
	waiting, stop := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() {
		_, err := s.Write(waiting, "A", atlassian.NewSecret("x"), store.Plain)
		first <- err
	}()
	require.Eventually(t, func() bool { return len(s.turn) == 1 }, 5*time.Second, time.Millisecond)
	late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Delete(late, "A"), context.DeadlineExceeded)
	stop()
	require.ErrorIs(t, <-first, context.Canceled)

	require.NoError(t, held.Close())
	v, err := s.Create(t.Context(), "A", atlassian.NewSecret("x"), store.Plain)
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
}

func TestFileNames(t *testing.T) {
	long := strings.Repeat("n", 300)
	seen := map[string]string{}
	for _, name := range []string{
		"A", "a", "/A", "A.json", ".lock", ".next", ".A", "..", "/../A", "A/B", "A_B", "A-B",
		long, long + "2", "/" + long,
	} {
		file := fileName(name)
		require.NotContains(t, file, "/")
		require.False(t, strings.HasPrefix(file, "."), file)
		require.True(t, strings.HasSuffix(file, suffix))
		require.LessOrEqual(t, len(file), 255)
		require.Empty(t, seen[file], "two names share %s", file)
		seen[file] = name
	}
	require.Equal(t, "PSOXY_JIRA_CLOUD_REFRESH_TOKEN.json", fileName("PSOXY_JIRA_CLOUD_REFRESH_TOKEN"))
	require.Equal(t, "%2Fpsoxy%2FTOKEN.json", fileName("/psoxy/TOKEN"))
}

func BenchmarkRead6(b *testing.B) {
	ctx := context.Background()
	s, err := Open(filepath.Join(b.TempDir(), "s"))
	require.NoError(b, err)
	names := []string{"A", "B", "C", "D", "E", "F"}
	for _, n := range names {
		_, err := s.Write(ctx, n, atlassian.NewSecret(strings.Repeat("t", 2000)), store.Encrypted)
		require.NoError(b, err)
	}
	for b.Loop() {
		if _, err := s.Read(ctx, names...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	ctx := context.Background()
	s, err := Open(filepath.Join(b.TempDir(), "s"))
	require.NoError(b, err)
	value := atlassian.NewSecret(strings.Repeat("t", 2000))
	for b.Loop() {
		if _, err := s.Write(ctx, "A", value, store.Encrypted); err != nil {
			b.Fatal(err)
		}
	}
}
