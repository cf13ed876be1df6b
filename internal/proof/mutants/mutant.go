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

// edit replaces a text of a package, which must occur exactly once in its sources.
type edit struct {
	// folder is the package's path from the module's root.
	folder   string
	old, new string
}

// change is a mutant of one edit, in a package that its list names.
type change struct {
	name, breaks, why string
	old, new          string
	quick             bool
}

// in makes mutants of changes to one package.
func in(folder string, changes ...change) (all []mutant) {
	for _, c := range changes {
		all = append(all, mutant{name: c.name, breaks: c.breaks, why: c.why, quick: c.quick, edits: []edit{{folder, c.old, c.new}}})
	}
	return all
}

// mutants are all of them.
func mutants() []mutant {
	return slices.Concat(ruleMutants, waitMutants, doubtMutants, inboxMutants, adoptMutants, stateMutants, settleMutants, recordMutants,
		ledgerMutants, spendMutants, failureMutants, saveMutants, publishMutants, sharedMutants,
		knownMutants, consentMutants, candidateMutants, chainMutants, neighbourMutants, putRightMutants, strangerMutants, setUpMutants, answerMutants, reportMutants, runMutants, googleMutants)
}

// packages are those that the mutant changes, as `go test` takes them.
func (m mutant) packages() []string {
	var all []string
	for _, e := range m.edits {
		if p := "./" + e.folder; !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// sources are the texts of a module's files by path from its root.
type sources map[string]string

// apply returns the changed files.
func (m mutant) apply(root string) (sources, error) {
	read, changed := sources{}, sources{}
	for _, e := range m.edits {
		if err := read.add(root, e.folder); err != nil {
			return nil, err
		}
		file, err := read.find(e)
		if err != nil {
			return nil, err
		}
		read[file] = strings.Replace(read[file], e.old, e.new, 1)
		changed[file] = read[file]
	}
	return changed, nil
}

// add reads the files of a folder that are no tests, and that were not read before.
func (s sources) add(root, folder string) error {
	files, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		return err
	}
	for _, f := range files {
		name := path.Join(folder, f.Name())
		if _, known := s[name]; known || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		s[name] = string(b)
	}
	return nil
}

// find returns the one file that holds an edit's text.
func (s sources) find(e edit) (file string, err error) {
	count := 0
	for name, text := range s {
		if n := strings.Count(text, e.old); n > 0 && path.Dir(name) == e.folder {
			count += n
			file = name
		}
	}
	if count != 1 {
		return "", fmt.Errorf("this text occurs %d times in the files of %s, expected once; adapt the mutant to the code:\n%s", count, e.folder, e.old)
	}
	return file, nil
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
