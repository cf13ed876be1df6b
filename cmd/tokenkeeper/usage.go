package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/internal/family/tokenform"
)

// errUsage marks errors of flags and arguments.
type errUsage struct{ error }

// Unwrap returns the error itself.
func (e errUsage) Unwrap() error { return e.error }

// usageOf returns err as an error of the command line, if it is one.
func usageOf(err error) (errUsage, bool) {
	var usage errUsage
	if errors.As(err, &usage) {
		return usage, true
	}
	// Cobra has no type for this one. It suggests commands on lines of their own.
	text := err.Error()
	if !strings.HasPrefix(text, "unknown command ") {
		return errUsage{}, false
	}
	text = strings.NewReplacer("\n\nDid you mean this?\n\t", ", perhaps ", "\n\t", " or ", "\n", "").Replace(text)
	return errUsage{errors.New(text + "; tokenkeeper --help lists the commands")}, true
}

// wrongFlag is the error of a flag that cobra does not accept.
func wrongFlag(cmd *cobra.Command, err error) error {
	return errUsage{fmt.Errorf("%w; %s --help lists the flags", err, cmd.CommandPath())}
}

// noArguments refuses arguments that are no flags. It does not quote them: one may be
// a secret.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return errUsage{fmt.Errorf("unexpected argument: %s takes flags only", cmd.CommandPath())}
	}
	return nil
}

// shortestHidden is the length from which an argument that could be a token is not shown.
const shortestHidden = 32

// hideTokens leaves out of an error's text what was given as an argument, or as a flag's
// value, and could be a token, or the address with a code to which the browser returned: a
// person has pasted it in the wrong place.
func hideTokens(text string, args []string) string {
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		_, rest, _ := strings.Cut(arg, ":") // of a store's name
		for _, s := range []string{arg, strings.TrimLeft(name, "-"), value, rest} {
			mayBeToken := len(s) >= shortestHidden && (tokenform.Problem(s) == "" || strings.Contains(s, "eyJ"))
			address := strings.ContainsAny(s, "?&") && strings.Contains(s, "=")
			if mayBeToken || address {
				text = strings.NewReplacer(s, hidden, strconv.Quote(s), hidden).Replace(text)
			}
		}
	}
	return text
}

const hidden = "(not shown: it could be a token)"

// exclusive refuses pairs of flags that contradict each other, or that make one of
// them useless.
func exclusive(cmd *cobra.Command, pairs [][2]string) error {
	for _, pair := range pairs {
		if cmd.Flags().Changed(pair[0]) && cmd.Flags().Changed(pair[1]) {
			return errUsage{fmt.Errorf("--%s and --%s exclude each other: give one of them", pair[0], pair[1])}
		}
	}
	return nil
}
