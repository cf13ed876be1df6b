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

// Update merges the values into the file at path, and creates it if there is
// none. The file is replaced in one step, or not at all, and keeps its mode; a
// symbolic link stays one. changed is false where the file was right already.
func Update(path string, v Values) (changed bool, err error) {
	if filepath.Ext(path) != ".tfvars" {
		return false, fmt.Errorf("%q is not a .tfvars file: expected one such as terraform.tfvars", path)
	}
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = path, nil
	}
	if err != nil {
		return false, err
	}
	source, err := os.ReadFile(target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	merged, err := Merge(source, path, v)
	if err != nil || err == nil && bytes.Equal(merged, source) {
		return false, err
	}
	// In the file's own directory, so that the last step is a rename.
	return true, renameio.WriteFile(target, merged, newFileMode, renameio.WithExistingPermissions(), renameio.WithTempDir(filepath.Dir(target)))
}
