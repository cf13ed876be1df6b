package template

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// samConfig is deploy/sam/samconfig.toml, as SAM's own Python reads it: settings by
// environment and command.
func samConfig(t *testing.T) map[string]map[string]struct{ Parameters map[string]any } {
	t.Helper()
	const read = `import json, sys, tomllib; print(json.dumps({k: v for k, v in tomllib.load(open(sys.argv[1], "rb")).items() if isinstance(v, dict)}))`
	out, err := exec.Command(filepath.Join(root, ".venv/bin/python"), "-c", read, filepath.Join(root, "deploy/sam/samconfig.toml")).Output()
	require.NoError(t, err)
	var config map[string]map[string]struct{ Parameters map[string]any }
	require.NoError(t, json.Unmarshal(out, &config))
	return config
}

// TestEnvironments: an environment differs from the default in that it asks
// nothing, and in its tag.
func TestEnvironments(t *testing.T) {
	config := samConfig(t)
	require.Contains(t, config, "prod")
	interactive := config["default"]["deploy"].Parameters
	require.Equal(t, true, interactive["confirm_changeset"])
	for name, commands := range config {
		if name == "default" {
			continue
		}
		settings := commands["deploy"].Parameters
		require.Equal(t, false, settings["confirm_changeset"], name)
		require.Equal(t, "application=tokenkeeper environment="+name, settings["tags"])
		for key, value := range interactive {
			switch key {
			case "confirm_changeset", "tags", "s3_prefix": // the last is given by the command
			default:
				require.Equal(t, value, settings[key], "%s of %s", key, name)
			}
		}
	}
}

// whereScript stands for tokenkeeper.
const whereScript = `#!/bin/sh
[ "$1" = where ] || exit 2
if [ "$2" = --region ]; then echo eu-west-1; else echo account 111122223333; fi
`

// TestDeploy runs what `make deploy` does, with a program in SAM's place that
// writes down how it was called.
func TestDeploy(t *testing.T) {
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	sam := filepath.Join(dir, "sam")
	require.NoError(t, os.WriteFile(sam, []byte("#!/bin/sh\nprintf '%s\\n' \"$*\" >>'"+calls+"'\nprintf '%s %s\\n' \"$AWS_REGION\" \"$AWS_DEFAULT_REGION\" >>'"+calls+".regions'\n"), 0o700))
	where := filepath.Join(dir, "where")
	require.NoError(t, os.WriteFile(where, []byte(whereScript), 0o700))
	mine := filepath.Join(dir, "mine.yaml")
	require.NoError(t, os.WriteFile(mine, nil, 0o600))
	for _, tt := range []struct {
		name         string
		env          []string
		deploy, says string
	}{
		{"by default", nil, "--config-env default --stack-name tokenkeeper --s3-prefix tokenkeeper --parameter-overrides Architecture=arm64", ""},
		{"prod", []string{"ENV=prod"}, "--config-env prod --stack-name tokenkeeper-prod --s3-prefix tokenkeeper-prod --parameter-overrides Architecture=arm64", ""},
		{"all said", []string{"ENV=prod", "STACK=s", "PARAMETERS=" + mine, "LAMBDA_GOARCH=amd64"},
			"--config-env prod --stack-name s --s3-prefix s --parameter-overrides file://" + mine + " Architecture=x86_64", ""},
		{"nobody knows where", []string{"TOKENKEEPER=false"}, "", "it is not known where to deploy to"},
		{"an environment that is not there", []string{"ENV=pord"}, "", "no environment pord"},
		{"a file that is not there", []string{"PARAMETERS=nowhere.yaml"}, "", "nowhere.yaml does not exist"},
		{"another architecture", []string{"LAMBDA_GOARCH=386"}, "", "expected arm64 or amd64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(calls))
			cmd := exec.Command(filepath.Join(root, "tools/deploy.sh"))
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "SAM=" + sam, "TOKENKEEPER=" + where, "AWS_DEFAULT_REGION=us-east-1"}, tt.env...)
			out, err := cmd.CombinedOutput()
			if tt.says != "" {
				require.Error(t, err)
				require.Contains(t, string(out), tt.says)
				require.NoFileExists(t, calls)
				return
			}
			require.NoError(t, err, string(out))
			require.Contains(t, string(out), "The stack "+strings.Fields(tt.deploy)[3]+" goes to:\naccount 111122223333\n")
			regions, err := os.ReadFile(calls + ".regions")
			require.NoError(t, err)
			require.Empty(t, strings.ReplaceAll(string(regions), "eu-west-1 eu-west-1\n", ""), "one rule decides the region, and sam obeys it")
			called, err := os.ReadFile(calls)
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(string(called)), "\n")
			require.Len(t, lines, 2)
			require.True(t, strings.HasPrefix(lines[0], "build --config-file "), lines[0])
			require.True(t, strings.HasSuffix(lines[1], " "+tt.deploy), lines[1])
		})
	}
}

// TestMakeDeploy: make hands on what was said, and nothing of its own.
func TestMakeDeploy(t *testing.T) {
	for _, tt := range []struct {
		name, called string
		said         []string
	}{
		{"nothing said", "ENV='' STACK='' PARAMETERS='' LAMBDA_GOARCH=arm64 tools/deploy.sh", nil},
		{"all said", "ENV='prod' STACK='s' PARAMETERS='my.yaml' LAMBDA_GOARCH=amd64 tools/deploy.sh",
			[]string{"ENV=prod", "STACK=s", "PARAMETERS=my.yaml", "LAMBDA_GOARCH=amd64"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("make", append([]string{"--dry-run", "--directory", root, "deploy"}, tt.said...)...)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Contains(t, string(out), "\n"+tt.called+"\n")
		})
	}
}

// TestAnEnvironmentsParameters: its file is found by its name.
func TestAnEnvironmentsParameters(t *testing.T) {
	script, err := os.ReadFile(filepath.Join(root, "tools/deploy.sh"))
	require.NoError(t, err)
	repository := t.TempDir()
	for path, content := range map[string]string{
		"tools/deploy.sh": string(script), "deploy/sam/samconfig.toml": "[prod.deploy.parameters]\n", "deploy/sam/prod.yaml": "", "sam": "#!/bin/sh\necho \"$@\"\n", "where": whereScript,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(repository, path)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(repository, path), []byte(content), 0o700))
	}
	cmd := exec.Command(filepath.Join(repository, "tools/deploy.sh"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "ENV=prod", "SAM=" + filepath.Join(repository, "sam"), "TOKENKEEPER=" + filepath.Join(repository, "where")}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--parameter-overrides file://"+repository+"/deploy/sam/prod.yaml Architecture=arm64")
}
