package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
)

// google returns what follows gcp: in the flag; ok is false for another store.
func (f *storeFlags) google() (place string, ok bool) { return strings.CutPrefix(f.name, "gcp:") }

// project returns the project in Google Cloud; ok is false for another store.
func (f *storeFlags) project() (project string, ok bool) {
	place, ok := f.google()
	project, _, _ = strings.Cut(place, "/")
	return project, ok && project != ""
}

// openGoogle opens a store of Google Cloud. SECRET_MANAGER_EMULATOR_HOST names an
// emulator, as such variables do for Google's other services.
func (f *storeFlags) openGoogle(ctx context.Context) (store.Store, error) {
	place, _ := f.google()
	project, prefix, _ := strings.Cut(place, "/")
	if project == "" || strings.ContainsAny(project, " \t\n") || prefix != "" && gcpstore.CheckName(prefix) != nil {
		return nil, errUsage{fmt.Errorf("--store is %q: expected gcp:PROJECT, or gcp:PROJECT/PREFIX where PREFIX begins the secrets' ids and has letters, digits, _ and -", f.name)}
	}
	client, err := gcpstore.NewClient(ctx, os.Getenv("SECRET_MANAGER_EMULATOR_HOST"))
	if err != nil {
		return nil, fmt.Errorf("--store: %w", err)
	}
	return gcpstore.New(client, gcpstore.Config{Project: project, Prefix: prefix, Keep: gcpstore.KeepFew}), nil
}
