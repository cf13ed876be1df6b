package lambdaruntime

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// attributes make the kernel kill the process when the thread that started it
// ends, and thereby when the test's process dies, however it dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// peakRSS is the most memory that a living process has had resident, in bytes
// (VmHWM of proc_pid_status(5)); 0 when the process is gone.
func peakRSS(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(status) {
		rest, ok := bytes.CutPrefix(line, []byte("VmHWM:"))
		if !ok {
			continue
		}
		fields := bytes.Fields(rest)
		if len(fields) == 0 {
			return 0
		}
		kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
		if err != nil {
			return 0
		}
		return kib * 1024
	}
	return 0
}
