package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// form of a version: semantic, with a v, as Go and git tags have it.
var form = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// contact is a placeholder in SECURITY.md until the owner has put an address there.
const contact = "security-contact@example.invalid"

// check returns a version's notes, or says why it cannot be released.
func check(repository, version string) (notes string, err error) {
	match := form.FindStringSubmatch(version)
	if match == nil {
		return "", fmt.Errorf("%q is no version: expected one such as v1.2.3 or v1.3.0-rc.1, as VERSION=v1.2.3", version)
	}
	preRelease := match[4] != ""
	changelog, err := os.ReadFile(filepath.Join(repository, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	notes, found := section(string(changelog), version)
	if !found && preRelease {
		notes, found = section(string(changelog), "Unreleased")
	}
	if !found || notes == "" {
		return "", fmt.Errorf("CHANGELOG.md has nothing under \"## %s\": rename its section \"Unreleased\" and begin a new one", version)
	}
	policy, err := os.ReadFile(filepath.Join(repository, "SECURITY.md"))
	if err != nil {
		return "", err
	}
	if !preRelease && strings.Contains(string(policy), contact) {
		return "", fmt.Errorf("SECURITY.md still has the address %s: put your own there, or release a pre-release such as %s-rc.1", contact, version)
	}
	return notes, nil
}

// section is the text of CHANGELOG.md below a heading "## title", which a date may
// follow after a comma.
func section(changelog, title string) (text string, found bool) {
	var lines []string
	for line := range strings.Lines(changelog) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			heading, _, _ = strings.Cut(strings.TrimSpace(heading), ",")
			if found {
				break
			}
			found = heading == title
			continue
		}
		if found {
			lines = append(lines, line)
		}
	}
	text = strings.TrimSpace(strings.Join(lines, ""))
	if text != "" {
		text += "\n"
	}
	return text, found
}
