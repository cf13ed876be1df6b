package filestore

import (
	"context"
	"os"
	"slices"
	"strings"
)

// Names are the names of all parameters in the store, in order. A file that
// cannot be read as one is left out.
func (s *Store) Names(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	files, err := os.ReadDir(string(s.dir))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		encoded, ok := strings.CutSuffix(f.Name(), suffix)
		if !ok || strings.HasPrefix(encoded, ".") {
			continue
		}
		name := strings.NewReplacer("%2F", "/", "%2E", ".").Replace(encoded)
		if strings.HasPrefix(name, "%") { // a hash stands for a long name, which is in the file
			content, err := os.ReadFile(s.dir.path(f.Name()))
			if err != nil {
				continue
			}
			p, err := decode(content)
			if err != nil {
				continue
			}
			name = p.Name
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}
