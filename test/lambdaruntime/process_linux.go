package lambdaruntime

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// attributes make the kernel kill the process when the thread that started it ends.
// So the process always ends with the test's process.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// peakRSS is a living process's peak resident memory in bytes (VmHWM of
// proc_pid_status(5)). It is 0 if the process has ended.
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
