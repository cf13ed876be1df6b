package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The address to which the browser returned is pasted in the place of a command or a value.
// Neither its state nor its code is printed.
func TestAnAddressOnTheCommandLine(t *testing.T) {
	const code, state = "q7Ft0Zk3Wd8Lr1Xs5Yb9Nc2Mv6Ph4Jg8", "hwOekDU1ZOwyEnMtP8s_LlxFH_GNRdtXvUV8yFeRF18"
	for _, address := range []string{"http://localhost/?code=" + code + "&state=" + state, "http://localhost/?error=access_denied&state=" + state, "http://localhost/?state=" + state + "&code=" + code} {
		for _, line := range []string{"ADDRESS", "help ADDRESS", "runbook ADDRESS", "status --connection ADDRESS", "run --store file:x --connection ADDRESS",
			"adopt --authorized-at ADDRESS", "authorize --store file:x --issue ADDRESS", "simulate --scenario ADDRESS", "status --store file:ADDRESS"} {
			t.Run(line, func(t *testing.T) {
				out, _ := runProgram(t, nil, "", strings.Fields(strings.ReplaceAll(line, "ADDRESS", address))...)
				require.NotContains(t, out, state)
				require.NotContains(t, out, code)
			})
		}
	}
}

// A good secret is not written over by what cannot be one.
func TestWhatCannotBeASecretIsNotStored(t *testing.T) {
	const id, good = "d9afp9ZOTn3l0RGPgFt4k71YuEuG42GL", "ATOAdRHlUpUJZ3YRRTjYq7Ft0Zk3Wd8Lr1Xs5Yb9Nc2Mv6Ph4Jg8d9afp9ZOTn3l0RGP"
	const next = "ATOA2bXkQw7Zt4Rk9Lm1Nc6Vp3Hs8Jd5Gf0YxTqWe-BuIo=1A2B3C4D"
	for name, text := range map[string]string{"good": next, "the client id": id, "an address": "http://localhost/?code=x&state=y", "a variable": "$CLIENT_SECRET", "masked": "****************",
		"a word": "null", "a placeholder": "CHANGE_ME", "quoted": `"` + good + `"`, "with its name": "client_secret=" + good, "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJyMSJ9.c2lnbmF0dXJl"} {
		t.Run(name, func(t *testing.T) {
			dir := privateDir(t)
			given := func(name, value string) {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name+".json"), []byte(
					`{"name":"`+name+`","type":"SecureString","versions":[{"version":1,"modified":"2026-11-27T19:39:47Z","value":"`+value+`"}]}`), 0o600))
			}
			given("A_CLIENT_ID", id)
			given("A_CLIENT_SECRET", good)
			given("A_REFRESH_TOKEN", "q7Ft0Zk3Wd8Lr1Xs5Yb9Nc2Mv6Ph4Jg8q7Ft0Zk3Wd8Lr1Xs5Yb9")
			out, code := runProgram(t, nil, text+"\n", "set-secret", "--store", "file:"+dir, "--connection", "A_")
			stored, err := os.ReadFile(filepath.Join(dir, "A_CLIENT_SECRET.json"))
			require.NoError(t, err)
			require.Equal(t, name != "good", code != 0, out)
			require.Equal(t, name == "good", strings.Contains(string(stored), next))
			require.NotContains(t, out, text)
		})
	}
}

// The client secret is given where the client id is asked for. It does not become a part of the
// address that is printed.
func TestTheSecretAsTheID(t *testing.T) {
	const secret = "ATOAdRHlUpUJZ3YRRTjYq7Ft0Zk3Wd8Lr1Xs5Yb9Nc2Mv6Ph4Jg8d9afp9ZOTn3l0RGP"
	out, _ := runProgram(t, nil, secret+"\nd9afp9ZOTn3l0RGPgFt4k71YuEuG42GL\n", "authorize", "--store", "file:"+privateDir(t), "--connection", "A_", "--no-browser", "--paste")
	require.NotContains(t, out, secret)
}
