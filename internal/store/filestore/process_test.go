package filestore

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// A child process is this test binary, started with a job and a directory in
// its environment.
const (
	jobVariable = "FILESTORE_TEST_JOB"
	dirVariable = "FILESTORE_TEST_DIR"
)

var jobs = map[string]func(*Store) error{"writes": writeForEver, "creates": createAll}

func TestMain(m *testing.M) {
	job, ok := jobs[os.Getenv(jobVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	s, err := Open(os.Getenv(dirVariable))
	if err == nil {
		err = job(s)
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// value returns a value of some size that proves itself whole.
func value() atlassian.Secret {
	body := strings.Repeat(fmt.Sprint(rand.Uint64()), 1+rand.IntN(60))
	return atlassian.NewSecret(fmt.Sprintf("%x %s", sha256.Sum256([]byte(body)), body))
}

func whole(v atlassian.Secret) bool {
	sum, body, _ := strings.Cut(v.Reveal(), " ")
	return sum == fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
}

var written = []string{"REFRESH_TOKEN", "/psoxy/ACCESS_TOKEN"}

// writeForEver writes, and reports each version once it is written. Between the
// writes it takes and releases a lock parameter.
func writeForEver(s *Store) error {
	ctx := context.Background()
	for {
		for i, name := range written {
			v, err := s.Write(ctx, name, value(), store.Encrypted)
			if err != nil {
				return err
			}
			fmt.Println(i, v)
		}
		if _, err := s.Create(ctx, "LOCK", value(), store.Plain); err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
		if err := s.Delete(ctx, "LOCK"); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
}

const races = 60

// createAll creates a series of names and reports those that it won.
func createAll(s *Store) error {
	for n := range races {
		_, err := s.Create(context.Background(), fmt.Sprint("LOCK", n), value(), store.Plain)
		if err == nil {
			fmt.Println(0, n)
		} else if !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	return nil
}

// child is a running child process.
type child struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Scanner
}

func start(t *testing.T, job, dir string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), jobVariable+"="+job, dirVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{t, cmd, bufio.NewScanner(out)}
	t.Cleanup(c.kill)
	return c
}

// kill sends SIGKILL: the process has no chance to clean up.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// next returns the child's next report; ok is false at its end.
func (c *child) next() (which int, n int64, ok bool) {
	c.t.Helper()
	if !c.out.Scan() {
		return 0, 0, false
	}
	_, err := fmt.Sscan(c.out.Text(), &which, &n)
	require.NoError(c.t, err, "the child says: %s", c.out.Text())
	return which, n, true
}

// A process that writes in a loop is killed at a random moment. In every other
// round a second process writes beside it, must be able to go on, and is killed in
// turn. What they leave behind is whole, has lost nothing that was reported as
// written, and can be written at once.
func TestKilledWhileWriting(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	dir := newDir(t)
	reported := make([]int64, len(written))
	kills, leftovers := 0, 0
	// follow takes reports until enough is true, or until they end.
	follow := func(c *child, enough func(v int64) bool) {
		for which, v, ok := c.next(); ok; which, v, ok = c.next() {
			reported[which] = max(reported[which], v)
			if enough(v) {
				return
			}
		}
	}
	first := func(int64) bool { return true }
	kill := func(c *child) {
		<-time.After(time.Duration(rand.IntN(5000)) * time.Microsecond) // any moment will do
		c.kill()
		follow(c, func(int64) bool { return false }) // the reports still in the pipe
		kills++
	}
	for round := range rounds {
		c := start(t, "writes", dir)
		follow(c, first)
		if round%2 == 1 {
			survivor := start(t, "writes", dir)
			follow(survivor, first)
			kill(c)
			after := max(reported[0], reported[1]) + 2
			follow(survivor, func(v int64) bool { return v > after })
			require.Greater(t, max(reported[0], reported[1]), after, "the surviving process cannot write")
			c = survivor
		}
		kill(c)

		if _, err := os.Stat(directory(dir).path(tempName)); err == nil {
			leftovers++
		}
		s := open(t, dir)
		require.NoFileExists(t, directory(dir).path(tempName))
		for i, name := range written {
			reported[i] = requireIntact(t, s, name, reported[i])
		}
	}
	t.Logf("%d kills, of which %d left a temporary file behind; %d writes", kills, leftovers, reported[0]+reported[1])
}

// requireIntact checks a parameter, writes it, and returns the new version.
func requireIntact(t *testing.T, s *Store, name string, reported int64) int64 {
	t.Helper()
	p, err := s.dir.load(name)
	require.NoError(t, err)
	newest := int64(0)
	if p != nil {
		for _, v := range p.Versions {
			require.True(t, whole(atlassian.NewSecret(v.Value)), "%s, version %d is torn", name, v.Version)
		}
		newest = p.newest().Version
	}
	require.GreaterOrEqual(t, newest, reported, "%s: a reported write is lost", name)
	v, err := s.Write(t.Context(), name, value(), store.Encrypted)
	require.NoError(t, err)
	require.Equal(t, newest+1, v)
	return v
}

// Whatever they do at once, processes never write the same version twice.
func TestProcessesWriteDistinctVersions(t *testing.T) {
	dir := newDir(t)
	var children []*child
	for range 3 {
		children = append(children, start(t, "writes", dir))
	}
	seen := map[string]bool{}
	for range 60 {
		for _, c := range children {
			which, v, ok := c.next()
			require.True(t, ok)
			key := fmt.Sprint(written[which], " ", v)
			require.False(t, seen[key], "%s was written twice", key)
			seen[key] = true
		}
	}
}

func TestCreateIsExclusiveAmongProcesses(t *testing.T) {
	dir := newDir(t)
	var children []*child
	for range 4 {
		children = append(children, start(t, "creates", dir))
	}
	winners := map[int64]int{}
	for _, c := range children {
		for _, n, ok := c.next(); ok; _, n, ok = c.next() {
			winners[n]++
		}
		require.NoError(t, c.cmd.Wait())
	}
	require.Len(t, winners, races, "every race has a winner")
	for n, w := range winners {
		require.Equal(t, 1, w, "race %d", n)
	}
}
