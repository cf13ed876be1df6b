package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestBillOfMaterials: what differs between two runs is left out, and a bill of
// nothing is an error.
func TestBillOfMaterials(t *testing.T) {
	bill := func(text string) (string, error) {
		path := filepath.Join(t.TempDir(), "bill.cdx.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		out, err := billOfMaterials(path)
		return string(out), err
	}
	const part = `"components":[{"purl":"pkg:golang/std@go1.26"}]}`
	one, err := bill(`{"metadata":{"timestamp":"2026-11-24T04:00:00Z","tools":[{"name":"gomod","hashes":[{"alg":"MD5","content":"1"}]}]},` + part)
	require.NoError(t, err)
	other, err := bill(`{"metadata":{"timestamp":"2026-11-24T05:00:00Z","tools":[{"name":"gomod","hashes":[{"alg":"MD5","content":"2"}]}]},` + part)
	require.NoError(t, err)
	require.Equal(t, one, other)
	require.Contains(t, one, "pkg:golang/std@go1.26")
	for _, text := range []string{`{"metadata":{},"components":[]}`, `{"components":[{}]}`, `[]`, `nonsense`} {
		_, err := bill(text)
		require.Error(t, err, text)
	}
}
