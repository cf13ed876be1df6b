//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filestore

import (
	"fmt"
	"os"
	"runtime"
)

// flock fails, because this system has none.
func flock(*os.File, bool) (taken bool, err error) {
	return false, fmt.Errorf("%s has no flock: on Windows, use WSL", runtime.GOOS)
}
