package deploy

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet"
)

// grace is the time that a service needs before it is killed: a tick, and some
// seconds to end.
const grace = fleet.TickTime + 10*time.Second

// built is the program as the Dockerfile builds it, outside of a container.
func built(t *testing.T) string {
	t.Helper()
	path, err := buildOnce()
	require.NoError(t, err)
	return path
}

var buildOnce = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "deploy/docker/Dockerfile"))
	if err != nil {
		return "", err
	}
	command := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*) -o /tokenkeeper (\./cmd/tokenkeeper)$`).FindSubmatch(text)
	if command == nil {
		return "", fmt.Errorf("the Dockerfile has no such build command")
	}
	path, err := filepath.Abs(filepath.Join(root, "build/deploy/tokenkeeper"))
	if err != nil {
		return "", err
	}
	cmd := exec.Command("bash", "-c", fmt.Sprintf("%s -o %q %s", command[1], path, command[2]))
	cmd.Dir, cmd.Env = root, append(os.Environ(), "VERSION=v9.8.7")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// requireArguments checks that the program takes the arguments. It reads them
// before it shows its help.
func requireArguments(t *testing.T, args []string) {
	t.Helper()
	require.Equal(t, "run", args[0])
	out, err := exec.Command(built(t), append(args, "--help")...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(built(t), append(args, "--no-such-flag", "--help")...).CombinedOutput()
	require.Error(t, err, "the help is shown whatever the flags are: %s", out)
}

// TestDockerfile: what it builds runs on an image without a C library, says its
// version, and takes the default command.
func TestDockerfile(t *testing.T) {
	file, err := elf.Open(built(t))
	require.NoError(t, err)
	defer file.Close()
	for _, p := range file.Progs {
		require.NotEqual(t, elf.PT_INTERP, p.Type, "the program is linked dynamically")
	}
	out, err := exec.Command(built(t), "version").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "v9.8.7")

	text := read(t, "deploy/docker/Dockerfile")
	var args []string
	require.NoError(t, json.Unmarshal([]byte(regexp.MustCompile(`(?m)^CMD (.*)$`).FindStringSubmatch(text)[1]), &args))
	requireArguments(t, args)
	require.Contains(t, strings.Join(args, " "), ":9464")
	require.Contains(t, text, "EXPOSE 9464")
	require.Contains(t, text, ":nonroot\n")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	require.Contains(t, text, "FROM golang:"+version+" AS build")
	require.Contains(t, read(t, "deploy/docker/Dockerfile.dockerignore"), ".git\n")
}

// TestUnit runs systemd's own checks, and checks what the program needs of the
// unit.
func TestUnit(t *testing.T) {
	text := read(t, "deploy/systemd/tokenkeeper.service")
	require.Contains(t, text, "\nExecStart=/usr/local/bin/tokenkeeper run $ARGUMENTS\n")
	path := filepath.Join(t.TempDir(), "tokenkeeper.service")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(text, "/usr/local/bin/tokenkeeper", built(t), 1)), 0o600))
	out, err := exec.Command("systemd-analyze", "verify", path).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
	// 0 is the least exposure and 100 the most; what is left is the network.
	out, err = exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", path).CombinedOutput()
	require.NoError(t, err, "%s", out)

	arguments := regexp.MustCompile(`(?m)^Environment="ARGUMENTS=(.*)"$`).FindStringSubmatch(text)[1]
	requireArguments(t, append([]string{"run"}, strings.Fields(arguments)...))
	require.Contains(t, arguments, "file:/var/lib/"+regexp.MustCompile(`(?m)^StateDirectory=(.*)$`).FindStringSubmatch(text)[1])
	seconds, err := strconv.Atoi(regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(text)[1])
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Duration(seconds)*time.Second, grace)
	require.Contains(t, text, "\nRestart=always\n")
	require.Contains(t, text, "\nStartLimitIntervalSec=0\n", "it would give up after some starts")
}

// manifest is what is looked at of the deployment.
type manifest struct {
	Kind string
	Spec struct {
		Replicas int
		Strategy struct{ Type string }
		Template struct {
			Metadata struct{ Annotations map[string]string }
			Spec     struct {
				ServiceAccountName            string `yaml:"serviceAccountName"`
				TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
				Containers                    []container
			}
		}
	}
	Metadata struct{ Name string }
}

type container struct {
	Args  []string
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
}

// TestManifest: kubernetes-validate knows its form; here is what the program needs.
func TestManifest(t *testing.T) {
	text := read(t, "deploy/kubernetes/tokenkeeper.yaml")
	var parts []manifest
	for decoder := yaml.NewDecoder(strings.NewReader(text)); ; {
		var part manifest
		err := decoder.Decode(&part)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		parts = append(parts, part)
	}
	require.Len(t, parts, 2)
	account, deployment := parts[0], parts[1]
	pod := deployment.Spec.Template.Spec
	require.Equal(t, "ServiceAccount", account.Kind)
	require.Equal(t, account.Metadata.Name, pod.ServiceAccountName)
	require.Equal(t, 1, deployment.Spec.Replicas)
	require.Equal(t, "Recreate", deployment.Spec.Strategy.Type)
	require.GreaterOrEqual(t, time.Duration(pod.TerminationGracePeriodSeconds)*time.Second, grace)
	require.Len(t, pod.Containers, 1)
	requireArguments(t, pod.Containers[0].Args)
	require.Equal(t, "metrics", pod.Containers[0].Ports[0].Name)
	port := strconv.Itoa(pod.Containers[0].Ports[0].ContainerPort)
	require.Contains(t, pod.Containers[0].Args, "--listen=:"+port)
	require.Equal(t, port, deployment.Spec.Template.Metadata.Annotations["prometheus.io/port"])
	require.Equal(t, 2, strings.Count(text, "httpGet: {path: /healthz, port: metrics}"))
}

// TestRunDocument checks the commands of docs/run.md that are tokenkeeper's own.
func TestRunDocument(t *testing.T) {
	text := read(t, "docs/run.md")
	commands := regexp.MustCompile(`(?m)^(?:sudo -u tokenkeeper )?tokenkeeper (.*)$|^  (run .*)$`).FindAllStringSubmatch(text, -1)
	require.Len(t, commands, 3)
	for _, c := range commands {
		args := append(strings.Fields(c[1]+c[2]), "--help")
		out, err := exec.Command(built(t), args...).CombinedOutput()
		require.NoError(t, err, "%v: %s", args, out)
	}
	for _, file := range regexp.MustCompile(`deploy/[a-z]+/[\w.]+`).FindAllString(text, -1) {
		require.FileExists(t, filepath.Join(root, file))
	}
	var policy struct{ Statement []struct{ Action any } }
	block := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(text)
	require.NoError(t, json.Unmarshal([]byte(block[1]), &policy))
	var actions []string
	for _, s := range policy.Statement {
		actions = append(actions, fmt.Sprint(s.Action))
	}
	require.Equal(t, []string{"[ssm:GetParameters ssm:GetParameterHistory ssm:PutParameter]", "ssm:DeleteParameter", "[kms:Decrypt kms:Encrypt kms:GenerateDataKey]"}, actions)
	metrics := regexp.MustCompile("`(tokenkeeper_[a-z_]+)`").FindAllStringSubmatch(text, -1)
	require.Len(t, metrics, 11)
	source := read(t, "internal/metrics/exporter/exporter.go")
	for _, m := range metrics {
		require.Contains(t, source, `"`+strings.TrimPrefix(m[1], "tokenkeeper_")+`"`)
	}
}
