package store

import (
	"fmt"
	"unicode/utf8"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// MaxNameBytes is the longest parameter name. SSM counts the parameter's whole
// ARN against this limit, so a name near it may still be refused there.
const MaxNameBytes = 1011

// KeptVersions is how many versions of a parameter SSM keeps, and the other
// adapters with it.
const KeptVersions = 100

// CheckName returns an error wrapping ErrName if no parameter can be called name.
// It checks length and characters (SSM user guide, "Understanding requirements and
// constraints for parameter names"). A colon, for example, would make SSM read
// another version. Rules about prefixes and hierarchies are left to SSM.
func CheckName(name string) error {
	if name == "" || len(name) > MaxNameBytes {
		return nameError(name)
	}
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '-' || c > '9') && c != '_' {
			return nameError(name)
		}
	}
	return nil
}

func nameError(name string) error {
	const shown = 80
	if len(name) > shown {
		return fmt.Errorf("%q… (%d bytes): %w", name[:shown], len(name), ErrName)
	}
	return fmt.Errorf("%q: %w", name, ErrName)
}

// CheckValue returns an error wrapping ErrEmpty, ErrTooLarge or ErrNotText if
// no parameter can hold value. It never shows the value.
func CheckValue(name string, value atlassian.Secret) error {
	var stack [1024]byte
	switch {
	case value.IsZero():
		return fmt.Errorf("%s: %w", name, ErrEmpty)
	case value.Len() > MaxValueBytes:
		return fmt.Errorf("%s: %d bytes: %w", name, value.Len(), ErrTooLarge)
	case !utf8.Valid(value.AppendReveal(stack[:0])):
		return fmt.Errorf("%s: %w", name, ErrNotText)
	}
	return nil
}

// CheckWrite is CheckName and CheckValue: what every adapter checks before it
// writes anything.
func CheckWrite(name string, value atlassian.Secret) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return CheckValue(name, value)
}
