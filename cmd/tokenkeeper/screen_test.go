package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// Every command explains itself: what it does, and how it is called.
func TestHelp(t *testing.T) {
	var visit func(cmd *cobra.Command, path []string)
	visit = func(cmd *cobra.Command, path []string) {
		for _, sub := range cmd.Commands() {
			if sub.Name() == "help" {
				continue
			}
			t.Run(strings.Join(append(path, sub.Name()), " "), func(t *testing.T) {
				args := append(append([]string{}, path...), sub.Name())
				out, code := runProgram(t, os.Environ(), "", append(args, "--help")...)
				require.Zero(t, code, out)
				require.Contains(t, out, "Usage:\n  tokenkeeper "+strings.Join(args, " "))
				asked, code := runProgram(t, os.Environ(), "", append([]string{"help"}, args...)...)
				require.Zero(t, code, asked)
				require.Equal(t, out, asked)
				require.NotEmpty(t, sub.Short)
				out, code = runProgram(t, os.Environ(), "", append(args, "--no-such-flag")...)
				require.Equal(t, exitUsage, code, out)
				require.Contains(t, out, "--help lists the flags")
			})
			visit(sub, append(path, sub.Name()))
		}
	}
	visit(newRootCommand(), nil)
}

// A terminal gets colours and a bar; a pipe, NO_COLOR and a dumb terminal get text
// alone.
func TestATerminalGetsColours(t *testing.T) {
	dir := privateDir(t)
	s := newStage(t)
	st, err := filestore.Open(dir)
	require.NoError(t, err)
	require.NoError(t, fillIn(t.Context(), st, s.Emulator, s.fix, "A_", atlassiantest.ConsentRequest{}))
	args := []string{"status", "--store", "file:" + dir}
	for name, tt := range map[string]struct {
		env     []string
		colours bool
	}{
		"a terminal":      {[]string{"TERM=xterm", "NO_COLOR=", "LC_ALL=C.UTF-8"}, true},
		"NO_COLOR":        {[]string{"TERM=xterm", "NO_COLOR=1", "LC_ALL=C.UTF-8"}, false},
		"a dumb terminal": {[]string{"TERM=dumb", "NO_COLOR=", "LC_ALL=C.UTF-8"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := sitDown(t, tt.env, args...)
			p.sees("NEEDS ATTENTION")
			require.Equal(t, 1, p.leaves())
			require.Equal(t, tt.colours, strings.Contains(p.seen(), "\x1b["), p.seen())
			require.Contains(t, p.seen(), "█")
		})
	}
	out, _ := runProgram(t, append(os.Environ(), "LC_ALL=C"), "", args...)
	require.NotContains(t, out, "\x1b[")
	require.Contains(t, out, "[##########]")

	// If the reader closes the pipe after the first line, the program ends quietly.
	piped := exec.Command("sh", "-c", "tokenkeeper status --store file:"+dir+" | head -n 1")
	first, err := piped.CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "NEEDS ATTENTION: tokens are stored, and the first tick has yet to take them over: tokenkeeper tick --connection A_ --store file:"+dir+"\n", string(first))
}

// --watch draws the screen anew until Ctrl-C, and ends with the code of what it saw
// last.
func TestWatch(t *testing.T) {
	dir := privateDir(t)
	p := sitDown(t, []string{"TERM=xterm", "NO_COLOR=1"}, "status", "--store", "file:"+dir, "--watch", "--every", "1s")
	p.sees(clearScreen + "NOT FOUND: ")
	p.sees("every 1s; Ctrl-C ends it")
	st, err := filestore.Open(dir)
	require.NoError(t, err)
	_, err = st.Write(t.Context(), "PSOXY_JIRA_CLOUD_REFRESH_TOKEN", atlassian.NewSecret("fill me"), store.Encrypted)
	require.NoError(t, err)
	p.sees(clearScreen + "NEEDS ATTENTION: nobody has consented yet: ")
	p.types("\x03")
	require.Equal(t, 1, p.leaves())
	require.NotContains(t, p.seen(), "interrupted")
}
