package tokensource

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// maxFileName is the longest encoded name that the store of files uses as it is,
// in bytes.
const maxFileName = 200

// FromDirectory reads the parameters of a connection from the directory of
// `tokenkeeper --store file:DIRECTORY`, which rotates them beside this program.
// Nothing is read yet. The files are the owner's alone, so both programs run as
// one user.
func FromDirectory(dir, connection string) *Source {
	return newSource(connection, func(ctx context.Context, name string) (secret.Secret, error) {
		if err := ctx.Err(); err != nil {
			return secret.Secret{}, err
		}
		content, err := os.ReadFile(filepath.Join(dir, fileName(name)))
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(dir); err != nil {
				return secret.Secret{}, err // a misspelt directory is not a missing consent
			}
			return secret.Secret{}, nil
		}
		if err != nil {
			return secret.Secret{}, err
		}
		var parameter struct {
			Name     string                   `json:"name"`
			Versions []struct{ Value string } `json:"versions"` // oldest first
		}
		if json.Unmarshal(content, &parameter) != nil || parameter.Name != name || len(parameter.Versions) == 0 {
			return secret.Secret{}, errors.New("the file is not a parameter as tokenkeeper writes it: restore it from a backup, or run `tokenkeeper authorize` again")
		}
		return secret.New(parameter.Versions[len(parameter.Versions)-1].Value), nil
	})
}

// fileName is the name of a parameter's file: a slash is written as %2F, a leading
// dot as %2E, and a name too long for a file system as its SHA-256.
func fileName(name string) string {
	encoded := strings.ReplaceAll(name, "/", "%2F")
	if strings.HasPrefix(encoded, ".") {
		encoded = "%2E" + encoded[1:]
	}
	if len(encoded) > maxFileName {
		encoded = fmt.Sprintf("%%sha256-%x", sha256.Sum256([]byte(name)))
	}
	return encoded + ".json"
}
