package main

import "strconv"

// exitCode is the error of a command that has said all, and ends with a code.
type exitCode int

// Error names the code; nobody is shown it.
func (e exitCode) Error() string { return "exit code " + strconv.Itoa(int(e)) }
