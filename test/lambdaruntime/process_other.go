//go:build !linux

package lambdaruntime

import "syscall"

// attributes are empty, since these systems cannot end a child with its parent. If a
// test process is killed, its function keeps running.
func attributes() *syscall.SysProcAttr { return nil }

// peakRSS is known on Linux only.
func peakRSS(int) int64 { return 0 }
