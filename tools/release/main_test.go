package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const version = "v0.0.0-test"

// release runs tools/release.sh into a folder.
func release(t *testing.T, target string) {
	t.Helper()
	cmd := exec.Command("tools/release.sh", version, target)
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestRelease builds everything twice: the bytes are the same, and the files are
// what their users expect.
func TestRelease(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")
	release(t, first)
	require.NoError(t, os.MkdirAll(second, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(second, "left-over"), nil, 0o600))
	release(t, second)

	const prefix = "tokenkeeper_" + version + "_"
	want := []string{"NOTES.md", "SHA256SUMS", prefix + "template.json"}
	for _, platform := range []string{"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"} {
		want = append(want, prefix+platform+".tar.gz")
	}
	for _, function := range []string{"refresher_arm64", "refresher_x86_64", "bootstrap_arm64", "bootstrap_x86_64"} {
		want = append(want, prefix+function+".zip", prefix+function+".cdx.json")
	}
	entries, err := os.ReadDir(second)
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		found = append(found, entry.Name())
		one, err := os.ReadFile(filepath.Join(first, entry.Name()))
		require.NoError(t, err)
		two, err := os.ReadFile(filepath.Join(second, entry.Name()))
		require.NoError(t, err)
		require.True(t, bytes.Equal(one, two), "%s differs between two runs", entry.Name())
	}
	require.ElementsMatch(t, want, found)

	t.Run("checksums", func(t *testing.T) {
		cmd := exec.Command("sha256sum", "--check", "--strict", "SHA256SUMS")
		cmd.Dir = first
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Len(t, strings.Split(strings.TrimSpace(string(out)), "\n"), len(want)-1)
	})
	t.Run("the command line", func(t *testing.T) {
		dir := t.TempDir()
		out, err := exec.Command("tar", "-xzf", filepath.Join(first, prefix+"linux_"+arch(t)+".tar.gz"), "-C", dir).CombinedOutput()
		require.NoError(t, err, string(out))
		for _, name := range []string{"LICENSE", "deploy/prometheus/rules.yaml", "deploy/systemd/tokenkeeper.service"} {
			want, err := os.ReadFile(filepath.Join("../..", name))
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), name)
		}
		out, err = exec.Command(filepath.Join(dir, "tokenkeeper"), "version").CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "tokenkeeper "+version+",")
	})
	t.Run("the functions", func(t *testing.T) {
		for name, machine := range map[string]byte{"refresher_arm64": 183, "bootstrap_x86_64": 62} { // ELF's e_machine
			archive, err := zip.OpenReader(filepath.Join(first, prefix+name+".zip"))
			require.NoError(t, err)
			require.Len(t, archive.File, 1)
			file := archive.File[0]
			require.Equal(t, "bootstrap", file.Name)
			require.Equal(t, os.FileMode(0o755), file.Mode())
			program, err := file.Open()
			require.NoError(t, err)
			content, err := io.ReadAll(program)
			require.NoError(t, err)
			require.Equal(t, []byte("\x7fELF"), content[:4])
			require.Equal(t, machine, content[18])
			require.True(t, bytes.Contains(content, []byte(version)))
			require.NoError(t, archive.Close())
		}
	})
	t.Run("the bills of materials", func(t *testing.T) {
		content, err := os.ReadFile(filepath.Join(first, prefix+"refresher_arm64.cdx.json"))
		require.NoError(t, err)
		for _, part := range []string{`"bomFormat": "CycloneDX"`, "pkg:golang/github.com/aws/aws-sdk-go-v2/service/ssm@", "pkg:golang/std@", version} {
			require.Contains(t, string(content), part)
		}
		require.NotContains(t, string(content), "pkg:golang/github.com/stretchr/testify", "of the tests")
	})
	t.Run("the template", func(t *testing.T) { requireTemplate(t, filepath.Join(first, prefix+"template.json")) })
}

func arch(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOHOSTARCH").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// requireTemplate: it is small enough for CloudFormation, passes its linter, and
// names the archives of its own release.
func requireTemplate(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Less(t, len(content), 1<<20, "CloudFormation takes a megabyte from a bucket")
	var template struct {
		Transform  any
		Parameters map[string]any
		Resources  map[string]struct {
			Type       string
			Properties struct{ Code map[string]map[string]string }
		}
	}
	require.NoError(t, json.Unmarshal(content, &template))
	require.Nil(t, template.Transform)
	require.Contains(t, template.Parameters, "CodeBucket")
	keys := map[string]bool{}
	for _, resource := range template.Resources {
		if resource.Type == "AWS::Lambda::Function" {
			require.Equal(t, map[string]string{"Ref": "CodeBucket"}, resource.Properties.Code["S3Bucket"])
			keys[resource.Properties.Code["S3Key"]["Fn::Sub"]] = true
		}
	}
	require.Equal(t, map[string]bool{
		"${CodePrefix}tokenkeeper_" + version + "_refresher_${Architecture}.zip": true,
		"${CodePrefix}tokenkeeper_" + version + "_bootstrap_${Architecture}.zip": true,
	}, keys)
	cmd := exec.Command("../../.venv/bin/cfn-lint", path)
	cmd.Env = append(os.Environ(), "AWS_DEFAULT_REGION=eu-west-1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// repository is a folder with what a check reads.
func repository(t *testing.T, changelog, policy string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"CHANGELOG.md": changelog, "SECURITY.md": policy} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return dir
}

func TestCheck(t *testing.T) {
	const changelog = "# Changelog\n\n## Unreleased\n\n### Added\n\n- New.\n\n## v1.2.3, 2026-12-01\n\n- Old.\n\n## v1.2.2\n\n## v1.2.1\n\n- Older.\n"
	for _, tt := range []struct{ name, version, policy, notes, says string }{
		{"a version with a date", "v1.2.3", "a@b.org", "- Old.\n", ""},
		{"a pre-release takes what is unreleased", "v1.3.0-rc.1", "a@b.org", "### Added\n\n- New.\n", ""},
		{"a pre-release may have no contact yet", "v1.3.0-rc.1", contact, "### Added\n\n- New.\n", ""},
		{"a release may not", "v1.2.3", contact, "", "SECURITY.md"},
		{"nothing is said about it", "v1.2.2", "a@b.org", "", `nothing under "## v1.2.2"`},
		{"it has no section", "v1.3.0", "a@b.org", "", `nothing under "## v1.3.0"`},
		{"no v", "1.2.3", "a@b.org", "", "no version"},
		{"a leading zero", "v1.02.3", "a@b.org", "", "no version"},
		{"a path", "v1.2.3-../..", "a@b.org", "", "no version"},
		{"what git describes", "0123abc-dirty", "a@b.org", "", "no version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			notes, err := check(repository(t, changelog, tt.policy), tt.version)
			if tt.says != "" {
				require.ErrorContains(t, err, tt.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.notes, notes)
		})
	}
}

func TestTheOwnersSettingIsThere(t *testing.T) {
	policy, err := os.ReadFile("../../SECURITY.md")
	require.NoError(t, err)
	if !strings.Contains(string(policy), contact) {
		require.Regexp(t, `\S+@\S+\.\S+`, string(policy), "SECURITY.md has no address")
	}
}

func TestTarredIsTheSameWhenBuiltLater(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tokenkeeper")
	require.NoError(t, os.WriteFile(program, []byte("program"), 0o600))
	beside := map[string][]byte{"deploy/unit": []byte("unit"), "LICENSE": []byte("licence")}
	first, err := tarred(program, beside)
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(program, packed, packed))
	second, err := tarred(program, beside)
	require.NoError(t, err)
	require.True(t, bytes.Equal(first, second))
	compressed, err := gzip.NewReader(bytes.NewReader(first))
	require.NoError(t, err)
	archive := tar.NewReader(compressed)
	for _, name := range []string{"LICENSE", "deploy/unit", "tokenkeeper"} {
		header, err := archive.Next()
		require.NoError(t, err)
		require.Equal(t, name, header.Name)
		require.Zero(t, header.Uid)
	}
}
