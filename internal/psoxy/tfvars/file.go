package tfvars

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// newFileMode is the mode of a file that did not exist: what is in it is not
// secret.
const newFileMode = 0o644

// Check reports, without a change, whether Update could write into path.
func Check(path string) error {
	_, _, _, err := merge(path, Values{CloudID: "any", ExampleIssue: "ANY-1"})
	return err
}

// Update merges the values into the file at path, or creates it. The file is
// replaced in one step or not at all, and keeps its mode; a symbolic link stays
// one. changed is false if the file was right already.
func Update(path string, v Values) (changed bool, err error) {
	target, source, merged, err := merge(path, v)
	if err != nil || bytes.Equal(merged, source) {
		return false, err
	}
	// In the file's own directory, so that the last step is a rename.
	return true, renameio.WriteFile(target, merged, newFileMode, renameio.WithExistingPermissions(), renameio.WithTempDir(filepath.Dir(target)))
}

// merge reads the file that path leads to, target, and merges the values.
func merge(path string, v Values) (target string, source, merged []byte, err error) {
	if filepath.Ext(path) != ".tfvars" {
		return "", nil, nil, fmt.Errorf("%q is not a .tfvars file: expected one such as terraform.tfvars", path)
	}
	target, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) { // a new file, in a directory that exists
		target = path
		_, err = os.Stat(filepath.Dir(path))
	} else if err == nil {
		source, err = os.ReadFile(target)
	}
	if err != nil {
		return "", nil, nil, err
	}
	merged, err = Merge(source, path, v)
	return target, source, merged, err
}
