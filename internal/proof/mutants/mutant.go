package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one deliberate breakage.
type mutant struct {
	// name tells what the broken code does.
	name string
	// breaks is what it violates: an invariant of docs/rotation.md, or a step.
	breaks string
	// why it matters: what it would cost.
	why string
	// quick mutants run in `make test`.
	quick bool
	edits []edit
}

// edit replaces a text of a file, which must occur there exactly once.
type edit struct {
	// file is the path from the module's root.
	file     string
	old, new string
}

// change is a mutant of one edit, in a file that its list names.
type change struct {
	name, breaks, why string
	old, new          string
	quick             bool
}

// in makes mutants of changes to one file.
func in(file string, changes ...change) (all []mutant) {
	for _, c := range changes {
		all = append(all, mutant{name: c.name, breaks: c.breaks, why: c.why, quick: c.quick, edits: []edit{{file, c.old, c.new}}})
	}
	return all
}

// mutants are all of them.
func mutants() []mutant {
	return slices.Concat(ruleMutants, waitMutants, doubtMutants, inboxMutants, adoptMutants, stateMutants, settleMutants, recordMutants,
		ledgerMutants, spendMutants, failureMutants, saveMutants, publishMutants, sharedMutants, answerMutants, reportMutants, runMutants, googleMutants)
}

// folders are the packages that the mutant changes, as `go test` takes them.
func (m mutant) folders() []string {
	var dirs []string
	for _, e := range m.edits {
		if dir := "./" + path.Dir(e.file); !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// apply returns the changed files' text by path from the module's root.
func (m mutant) apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, e := range m.edits {
		text, ok := changed[e.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return nil, err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("this text occurs %d times in %s, expected once; adapt the mutant to the code:\n%s", n, e.file, e.old)
		}
		changed[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return changed, nil
}

// overlay writes the changed files into dir, and returns the path of the file
// that tells the compiler about them.
func (m mutant) overlay(root, dir string) (string, error) {
	changed, err := m.apply(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range changed {
		in := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = in
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	at := filepath.Join(dir, "overlay.json")
	return at, os.WriteFile(at, b, 0o600)
}
