package filestore

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// parameter is the content of a file.
type parameter struct {
	// Name is the whole parameter name. It repeats what the file name says, for
	// file systems that do not tell upper case from lower.
	Name string `json:"name"`
	// Kind is SSM's name of the type.
	Kind string `json:"type"`
	// Versions are the kept ones, oldest first; there is at least one.
	Versions []version `json:"versions"`
}

// version is one version of a parameter. Its value is a secret in clear text:
// never print one.
type version struct {
	Version  int64     `json:"version"`
	Modified time.Time `json:"modified"`
	Value    string    `json:"value"`

	kind store.Kind
}

var kindNames = map[store.Kind]string{store.Plain: "String", store.Encrypted: "SecureString"}

func (p *parameter) newest() version { return p.Versions[len(p.Versions)-1] }

func (v version) entry(readAt time.Time) store.Entry {
	return store.Entry{Value: atlassian.NewSecret(v.Value), Version: v.Version, Modified: v.Modified, Kind: v.kind, ReadAt: readAt}
}

// add appends a version, drops those that are no longer kept, and returns the
// new version's number.
func (p *parameter) add(value atlassian.Secret, at time.Time) int64 {
	n := int64(1)
	if len(p.Versions) > 0 {
		n = p.newest().Version + 1
	}
	p.Versions = append(p.Versions, version{Version: n, Modified: at, Value: value.Reveal()})
	if drop := len(p.Versions) - store.KeptVersions; drop > 0 {
		p.Versions = p.Versions[drop:]
	}
	return n
}

func (p *parameter) encode() ([]byte, error) {
	b, err := json.Marshal(p)
	return append(b, '\n'), err
}

// errContent says nothing of the content, and so does not wrap json's errors,
// which quote from it.
var errContent = errors.New("this is not a parameter as this program writes it: restore the file from a backup, or remove it and set the parameter again")

// decode reads the content of a parameter's file.
func decode(content []byte) (*parameter, error) {
	var p parameter
	if json.Unmarshal(content, &p) != nil || len(p.Versions) == 0 || store.CheckName(p.Name) != nil {
		return nil, errContent
	}
	kind := store.Encrypted
	if p.Kind == kindNames[store.Plain] {
		kind = store.Plain
	} else if p.Kind != kindNames[store.Encrypted] {
		return nil, errContent
	}
	for i := range p.Versions {
		v := &p.Versions[i]
		v.kind = kind
		consecutive := i == 0 || v.Version == p.Versions[i-1].Version+1
		if v.Version < 1 || !consecutive || store.CheckValue(p.Name, atlassian.NewSecret(v.Value)) != nil {
			return nil, errContent
		}
	}
	return &p, nil
}
