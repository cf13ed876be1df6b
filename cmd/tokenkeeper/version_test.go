package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDescribeBuild(t *testing.T) {
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: "0123abc"}, {Key: "vcs.time", Value: "2026-11-24T04:00:00Z"}, {Key: "vcs.modified", Value: modified}}
	}
	for want, info := range map[string]*debug.BuildInfo{
		"tokenkeeper v1.2.3, commit not recorded, go1.26": {GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}},
		"tokenkeeper v1.2.3, commit 0123abc of 2026-11-24T04:00:00Z, go1.26": {
			GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}, Settings: vcs("false")},
		"tokenkeeper (development version), commit 0123abc of 2026-11-24T04:00:00Z, with uncommitted changes, go1.26": {
			GoVersion: "go1.26", Main: debug.Module{Version: "(devel)"}, Settings: vcs("true")},
		"tokenkeeper, version not recorded": nil,
	} {
		require.Equal(t, want, describeBuild(info, "unknown"))
	}
	require.Equal(t, "tokenkeeper v1.2.3, commit not recorded, go1.26", describeBuild(&debug.BuildInfo{GoVersion: "go1.26"}, "v1.2.3"))
}

// Both ways to ask give the same answer, from a program that is built as make build does.
func TestVersion(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tokenkeeper")
	out, err := exec.Command("go", "build", "-trimpath", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	for _, args := range [][]string{{"version"}, {"--version"}} {
		out, err := exec.Command(program, args...).Output()
		require.NoError(t, err)
		require.Regexp(t, `^tokenkeeper \S.*, commit .+, `+regexp.QuoteMeta(runtime.Version())+"\n$", string(out), args)
	}
}
