//go:build !linux

package lambdaruntime

import "syscall"

// attributes are empty where the kernel cannot tie a child's life to its
// parent's: there, a test process that is killed leaves its function running.
func attributes() *syscall.SysProcAttr { return nil }

// peakRSS is known on Linux only.
func peakRSS(int) int64 { return 0 }
