// Release packs what tools/release.sh has built into the files of a release. The
// same input gives the same bytes: entries of archives are sorted, and their
// times, owners and modes are fixed.
//
//	go run ./tools/release check VERSION
//	go run ./tools/release pack VERSION BUILT TARGET
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "make release:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "check":
		_, err := check(".", arguments[1])
		return err
	case len(arguments) == 4 && arguments[0] == "pack":
		return pack(".", arguments[1], arguments[2], arguments[3])
	}
	return fmt.Errorf("expected check VERSION, or pack VERSION BUILT TARGET")
}

// besideProgram are the files that go with the command line: what docs/run.md
// installs of the repository.
var besideProgram = []string{"LICENSE", "deploy/prometheus/rules.yaml", "deploy/systemd/tokenkeeper.service"}

// pack writes the files of a release into target, which it empties first.
func pack(repository, version, built, target string) error {
	notes, err := check(repository, version)
	if err != nil {
		return err
	}
	beside := map[string][]byte{}
	for _, name := range besideProgram {
		if beside[name], err = os.ReadFile(filepath.Join(repository, name)); err != nil {
			return err
		}
	}
	files := map[string][]byte{"NOTES.md": []byte(notes)}
	folders, err := os.ReadDir(built)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		name := fmt.Sprintf("tokenkeeper_%s_%s", version, folder.Name())
		path := filepath.Join(built, folder.Name())
		switch {
		case folder.Name() == "template.json":
			files[name], err = publishedTemplate(path, version)
		case strings.HasSuffix(folder.Name(), ".cdx.json"):
			files[name], err = billOfMaterials(path)
		case strings.HasPrefix(folder.Name(), "refresher_"), strings.HasPrefix(folder.Name(), "bootstrap_"):
			files[name+".zip"], err = zipped(filepath.Join(path, "bootstrap"))
		default:
			files[name+".tar.gz"], err = tarred(filepath.Join(path, "tokenkeeper"), beside)
		}
		if err != nil {
			return err
		}
	}
	return write(target, files)
}

// write replaces a folder by files and SHA256SUMS, which sha256sum --check reads.
func write(target string, files map[string][]byte) error {
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	var sums strings.Builder
	for _, name := range sorted(files) {
		if err := os.WriteFile(filepath.Join(target, name), files[name], 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	return os.WriteFile(filepath.Join(target, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
