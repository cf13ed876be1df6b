package filestore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	// others are the permission bits that nobody but the owner may have.
	others fs.FileMode = 0o077

	suffix = ".json"
	// No parameter's file begins with a dot.
	lockName = ".lock"
	// One name is enough for the temporary file: it is only used under the lock.
	tempName = ".next"
	// A longer encoded name is replaced by its hash; file systems stop at 255 bytes.
	maxEncoded = 200
)

// directory is the path of a store's directory.
type directory string

// openDirectory creates the directory if it is missing, and checks that it and
// the parameters in it are private.
func openDirectory(path string) (directory, error) {
	if path == "" {
		return "", errors.New("no directory for the store is given: expected a path, such as ./tokens")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	d := directory(path)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(path, dirMode); err != nil {
			return "", err
		}
		if err := syncDirectory(filepath.Dir(path)); err != nil {
			return "", err
		}
	}
	if err := d.checkPrivate(); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted meanwhile
			}
			if err != nil {
				return "", err
			}
			if err := checkFile(d.path(e.Name()), info); err != nil {
				return "", err
			}
		}
	}
	return d, nil
}

func (d directory) path(file string) string { return filepath.Join(string(d), file) }

func (d directory) checkPrivate() error {
	info, err := os.Stat(string(d))
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory: expected the store's directory", d)
	case info.Mode().Perm()&others != 0:
		return fmt.Errorf("the directory %s has mode %04o and is open to others: expected 0700; look who could have read the tokens in it, then run chmod 700 on it", d, info.Mode().Perm())
	}
	return nil
}

func checkFile(path string, info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file: expected a parameter of the store; move it elsewhere", path)
	case info.Mode().Perm()&others != 0:
		return fmt.Errorf("the file %s has mode %04o and is open to others: expected 0600; look who could have read it, then run chmod 600 on it", path, info.Mode().Perm())
	}
	return nil
}

// fileName encodes a name that passed store.CheckName, one to one: a slash
// becomes %2F and a leading dot %2E. A name too long for a file system becomes
// its SHA-256.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c == '/' || c == '.' && i == 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	if b.Len() > maxEncoded {
		return fmt.Sprintf("%%sha256-%x", sha256.Sum256([]byte(name))) + suffix
	}
	return b.String() + suffix
}

// load reads a parameter's file; nil if it does not exist.
func (d directory) load(name string) (*parameter, error) {
	path := d.path(fileName(name))
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, d.checkPrivate()
	}
	if err != nil {
		return nil, denied(name, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFile(path, info); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	p, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, path, err)
	}
	if p.Name != name {
		return nil, fmt.Errorf("%s: %s holds the parameter %s: expected a file system that tells upper case from lower; keep the store on another, or rename one of the two parameters", name, path, p.Name)
	}
	return p, nil
}

// save replaces a parameter's file. The caller holds the lock.
func (d directory) save(p *parameter) error {
	content, err := p.encode()
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	temp := d.path(tempName)
	if err := d.removeTemp(); err != nil {
		return denied(p.Name, err)
	}
	if err := writeSynced(temp, content); err != nil {
		return denied(p.Name, errors.Join(err, d.removeTemp()))
	}
	if err := os.Rename(temp, d.path(fileName(p.Name))); err != nil {
		return denied(p.Name, errors.Join(err, d.removeTemp()))
	}
	if err := syncDirectory(string(d)); err != nil {
		return fmt.Errorf("%s was written, but may not have reached the disk: %w", p.Name, err)
	}
	return nil
}

// remove deletes a parameter's file. The caller holds the lock.
func (d directory) remove(name string) error {
	if _, err := d.load(name); err != nil && !errors.Is(err, errContent) {
		return err
	}
	err := os.Remove(d.path(fileName(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", name, store.ErrNotFound)
	}
	if err != nil {
		return denied(name, err)
	}
	return syncDirectory(string(d))
}

// removeTemp removes a temporary file that a killed process left behind. The
// caller holds the lock.
func (d directory) removeTemp() error {
	if err := os.Remove(d.path(tempName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDirectory(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// denied adds store.ErrDenied to an error that means it.
func denied(name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w: %w", name, store.ErrDenied, err)
	}
	return fmt.Errorf("%s: %w", name, err)
}
