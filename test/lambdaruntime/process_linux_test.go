package lambdaruntime_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/test/lambdaruntime"
)

// TestFunctionEndsWithTheTests starts this test binary again as a process that runs a
// function. It kills the process, and waits until the function is gone too.
func TestFunctionEndsWithTheTests(t *testing.T) {
	if bin := os.Getenv("LAMBDARUNTIME_CHILD"); bin != "" {
		r, err := lambdaruntime.New(lambdaruntime.Config{Binary: bin})
		require.NoError(t, err)
		a := decode(t, invoke(t, r, `{"do":"echo"}`))
		fmt.Printf("\nfunction %d\n", a.PID)
		time.Sleep(time.Hour)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFunctionEndsWithTheTests$")
	child.Env = append(os.Environ(), "LAMBDARUNTIME_CHILD="+binary)
	stdout, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	var pid int
	for lines := bufio.NewScanner(stdout); pid == 0 && lines.Scan(); {
		if number, ok := strings.CutPrefix(lines.Text(), "function "); ok {
			pid, err = strconv.Atoi(number)
			require.NoError(t, err)
		}
	}
	require.NotZero(t, pid)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	// A killed orphan stays a zombie until another process reaps it.
	require.Eventually(t, func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || syscall.Kill(pid, 0) != nil || strings.Contains(string(stat), ") Z ")
	}, 5*time.Second, 10*time.Millisecond)
}
