// Command tokenkeeper is the operator's command line. Each command has a file of
// its name; simulate is two more, faults.go and scenario.go. What several
// commands share is in usage.go, store.go, connection.go, atlassian.go, print.go
// and handover.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/authorize/terminal"
	"github.com/tokenkeeper/tokenkeeper/internal/consent"
)

// Exit codes, as the help of the program lists them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// errReported is the error of a command that has already said what failed.
const errReported = exitCode(exitFailed)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:]))
}

// run carries out a command line and returns the exit code. An error is printed
// here, once.
func run(ctx context.Context, args []string) int {
	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, terminal.ErrInterrupted), errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "tokenkeeper: interrupted; nothing that is in use was changed")
		return exitInterrupted
	}
	code = exitFailed
	if usage, ok := usageOf(err); ok {
		err, code = usage, exitUsage
	}
	fmt.Fprintf(os.Stderr, "tokenkeeper: %s\n", hideTokens(describe(err), args))
	return int(code)
}

// describe formats an error for a terminal. The error of a refused consent is
// followed by its type, which the documents use.
func describe(err error) string {
	text := terminal.Printable(err.Error())
	var refused *consent.Error
	if errors.As(err, &refused) {
		text += " [" + terminal.Printable(string(refused.Type)) + "]"
	}
	return text
}

// newRootCommand returns the whole command line.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "tokenkeeper",
		Short: "Keep rotating OAuth tokens alive",
		Long: `Keeps Atlassian OAuth 2.0 (3LO) token families alive.

Results go to standard output; questions, progress and errors to standard error.
Exit codes: 0 all is well; 1 something failed, and the message says what; 2 the
command line is wrong; 130 interrupted, nothing that is in use was changed. Of
status and doctor: 1 a person should look; 2 consumers fail or a consent is needed.`,
		Version:       buildVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(wrongFlag)
	root.AddCommand(newAuthorizeCommand(), newStatusCommand(), newDoctorCommand(), newRunbookCommand(), newVerifyCommand())
	root.AddCommand(newTickCommand(), newRunCommand(), newServeCommand())
	root.AddCommand(newSetSecretCommand(), newAdoptCommand(), newWhereCommand(), newReencryptCommand())
	root.AddCommand(newDemoCommand(), newEmulateCommand(), newSimulateCommand(), newVersionCommand(root.Version))
	strict(root)
	return root
}
