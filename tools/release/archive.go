package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// packed is the time of every entry: zip knows none before 1980.
var packed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func sorted(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }

// zipped is Lambda's form of a program: an archive with one executable file.
func zipped(program string) ([]byte, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: filepath.Base(program), Method: zip.Deflate, Modified: packed}
	header.SetMode(0o755)
	entry, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := entry.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}

// tarred is a program with the files that go with it, by their names.
func tarred(program string, beside map[string][]byte) ([]byte, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive) // its header has no time and no name
	w := tar.NewWriter(compressed)
	add := func(name string, mode int64, content []byte) error {
		header := &tar.Header{Name: name, Mode: mode, Size: int64(len(content)), ModTime: packed, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	for _, name := range sorted(beside) {
		if err := add(name, 0o644, beside[name]); err != nil {
			return nil, err
		}
	}
	if err := add(filepath.Base(program), 0o755, content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
