package tfvars_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"

	"github.com/tokenkeeper/tokenkeeper/internal/psoxy/tfvars"
)

const id = "1324a887-45db-1bf4-1e99-ef0ff456d421"

var both = tfvars.Values{CloudID: id, ExampleIssue: "ABC-12"}

const freshLines = `jira_cloud_id = "1324a887-45db-1bf4-1e99-ef0ff456d421"
connector_settings = {
  jira_cloud_id         = "1324a887-45db-1bf4-1e99-ef0ff456d421"
  jira_example_issue_id = "ABC-12"
}
`

func TestLines(t *testing.T) {
	require.Equal(t, freshLines, both.Lines())
	require.Equal(t, `jira_cloud_id = "x"
connector_settings = {
  jira_cloud_id = "x"
}
`, tfvars.Values{CloudID: "x"}.Lines())
}

func TestMerge(t *testing.T) {
	for name, tt := range map[string]struct{ source, want string }{
		"an empty file": {"", freshLines},
		"no final newline, and comments": {
			"# ours\nenvironment_name = \"prod\" # do not touch",
			"# ours\nenvironment_name = \"prod\" # do not touch\n" + freshLines,
		},
		"old values, odd layout": {
			"jira_cloud_id   =   \"old\"   # the site\n\n\n/* why */ connector_settings={ // all\n    \"jira_cloud_id\": null, # first\n\tgithub_organization = \"o\" }\nx=[1,\n 2]\n",
			"jira_cloud_id   =   \"" + id + "\"   # the site\n\n\n/* why */ connector_settings={ // all\n    \"jira_cloud_id\": \"" + id + "\", # first\n\tgithub_organization = \"o\", jira_example_issue_id = \"ABC-12\" }\nx=[1,\n 2]\n",
		},
		"an object with lines of its own": {
			"jira_cloud_id = null\nconnector_settings = {\n  # about github\n  github_organization = \"o\" # end\n  # last word\n}\nz = 1\n",
			"jira_cloud_id = \"" + id + "\"\nconnector_settings = {\n  # about github\n  github_organization = \"o\" # end\n  # last word\n  jira_cloud_id = \"" + id + "\"\n  jira_example_issue_id = \"ABC-12\"\n}\nz = 1\n",
		},
		"an object on one line": {
			"jira_cloud_id = \"" + id + "\"\nconnector_settings = {}\n",
			"jira_cloud_id = \"" + id + "\"\nconnector_settings = { jira_cloud_id = \"" + id + "\", jira_example_issue_id = \"ABC-12\" }\n",
		},
		"a last comma": {
			"jira_cloud_id = \"" + id + "\"\nconnector_settings = { a = 1, /* , */ }\n",
			"jira_cloud_id = \"" + id + "\"\nconnector_settings = { a = 1, /* , */ jira_cloud_id = \"" + id + "\", jira_example_issue_id = \"ABC-12\" }\n",
		},
		"a comma in a comment only": {
			"jira_cloud_id = \"" + id + "\"\nconnector_settings = { a = 1 /* , */ }\n",
			"jira_cloud_id = \"" + id + "\"\nconnector_settings = { a = 1 /* , */, jira_cloud_id = \"" + id + "\", jira_example_issue_id = \"ABC-12\" }\n",
		},
		"null settings": {
			"connector_settings = null\njira_cloud_id = \"" + id + "\"\n",
			"connector_settings = {\n  jira_cloud_id         = \"" + id + "\"\n  jira_example_issue_id = \"ABC-12\"\n}\njira_cloud_id = \"" + id + "\"\n",
		},
		"Windows line endings": {
			"a = 1\r\nconnector_settings = {\r\n  b = 2\r\n}\r\n",
			"a = 1\r\nconnector_settings = {\r\n  b = 2\r\n  jira_cloud_id = \"" + id + "\"\r\n  jira_example_issue_id = \"ABC-12\"\r\n}\r\njira_cloud_id = \"" + id + "\"\r\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tfvars.Merge([]byte(tt.source), "terraform.tfvars", both)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(got))
			again, err := tfvars.Merge(got, "terraform.tfvars", both)
			require.NoError(t, err)
			require.Equal(t, string(got), string(again), "a second time changes nothing")
		})
	}
}

func TestAnIssueThatIsNotKnownStays(t *testing.T) {
	got, err := tfvars.Merge([]byte(freshLines), "x.tfvars", tfvars.Values{CloudID: "new"})
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(freshLines, id, "new"), string(got))
}

// Terraform reads every value exactly as it is, and evaluates no part of it.
func TestValuesAreEscaped(t *testing.T) {
	for _, value := range []string{`"`, `\`, "${file(\"/etc/passwd\")}", "%{ if true }", "$${x}", "a\nb = 1", "\t", "é 文", "}\n", "# no"} {
		got, err := tfvars.Merge([]byte("connector_settings = { a = 1 }\n"), "x.tfvars", tfvars.Values{CloudID: value, ExampleIssue: value})
		require.NoError(t, err, value)
		file, diagnostics := hclparse.NewParser().ParseHCL(got, "x.tfvars")
		require.False(t, diagnostics.HasErrors(), string(got))
		attributes, diagnostics := file.Body.JustAttributes()
		require.False(t, diagnostics.HasErrors())
		require.Len(t, attributes, 2)
		top, _ := attributes["jira_cloud_id"].Expr.Value(nil)
		require.Equal(t, cty.StringVal(value), top)
		settings, _ := attributes["connector_settings"].Expr.Value(nil)
		require.Equal(t, cty.StringVal(value), settings.GetAttr("jira_example_issue_id"))
		require.Equal(t, 3, settings.LengthInt())
	}
}

func TestRefusals(t *testing.T) {
	for want, source := range map[string]string{
		"x.tfvars:2,":                           "a = 1\nb = = 2\n",
		"x.tfvars:1: connector_settings is not": "connector_settings = \"text\"\n",
	} {
		_, err := tfvars.Merge([]byte(source), "x.tfvars", both)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "first")
	}
	_, err := tfvars.Merge(nil, "x.tfvars", tfvars.Values{})
	require.ErrorContains(t, err, "no cloud id")
}

// A heredoc's range is not that of a plain value: the file is left alone rather
// than broken, or edited rightly; both are good.
func TestAHeredocIsNotBroken(t *testing.T) {
	source := "jira_cloud_id = <<EOT\nold\nEOT\nlast = 1\n"
	got, err := tfvars.Merge([]byte(source), "x.tfvars", both)
	if err != nil {
		require.ErrorContains(t, err, "by hand")
		return
	}
	require.Contains(t, string(got), "last = 1\n")
	require.Contains(t, string(got), `jira_cloud_id = "`+id+`"`)
}

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "terraform.tfvars")
	changed, err := tfvars.Update(path, both)
	require.NoError(t, err)
	require.True(t, changed)
	require.Equal(t, freshLines, read(t, path))

	require.NoError(t, os.Chmod(path, 0o600))
	before, err := os.Stat(path)
	require.NoError(t, err)
	changed, err = tfvars.Update(path, both)
	require.NoError(t, err)
	require.False(t, changed)
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a file that is right is not even replaced")

	link := filepath.Join(dir, "link.tfvars")
	require.NoError(t, os.Symlink(path, link))
	changed, err = tfvars.Update(link, tfvars.Values{CloudID: "new"})
	require.NoError(t, err)
	require.True(t, changed)
	require.Contains(t, read(t, path), `"new"`)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	info, err = os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	require.NoError(t, os.WriteFile(path, []byte("broken = = \n"), 0o600))
	_, err = tfvars.Update(path, both)
	require.Error(t, err)
	require.Error(t, tfvars.Check(path))
	require.Equal(t, "broken = = \n", read(t, path))
	require.NoError(t, tfvars.Check(filepath.Join(dir, "new.tfvars")))
	require.Error(t, tfvars.Check(filepath.Join(dir, "none", "new.tfvars")))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "no temporary file is left")

	_, err = tfvars.Update(filepath.Join(dir, "vars.tfvars.json"), both)
	require.ErrorContains(t, err, "not a .tfvars file")
	_, err = tfvars.Update(filepath.Join(dir, "none", "x.tfvars"), both)
	require.Error(t, err)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

func FuzzMerge(f *testing.F) {
	f.Add("a = 1\n", "id")
	f.Add(freshLines, "${x}")
	f.Add("connector_settings = { a = 1, }", "\"")
	f.Fuzz(func(t *testing.T, source, value string) {
		v := tfvars.Values{CloudID: value, ExampleIssue: "X-1"}
		once, err := tfvars.Merge([]byte(source), "x.tfvars", v)
		if err != nil {
			return
		}
		twice, err := tfvars.Merge(once, "x.tfvars", v)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}
