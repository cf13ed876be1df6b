package template

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	retainedKeyARN = "arn:aws:kms:eu-west-1:111122223333:key/of-the-stack-before"
	anotherKeyARN  = "arn:aws:kms:eu-west-1:444455556666:key/0b8c7b2e-0000-4000-8000-000000000002"
)

// viaSSM is KMS's request of Parameter Store about a parameter.
func viaSSM(principal, action, key, parameter string) request {
	return request{principal: principal, action: action, resource: key, context: map[string]string{
		"kms:ViaService": "ssm.eu-west-1.amazonaws.com", "kms:EncryptionContext:PARAMETER_ARN": parameterARN(parameter)}}
}

// transitions of the parameters' key: what is set after it, the key that
// parameters are still under, and the one that they are written with.
var transitions = []struct {
	name              string
	after             map[string]string
	previous, current string
}{
	{"the stack's key to another", map[string]string{"ParametersKey": otherKeyARN}, keyARN, otherKeyARN},
	{"another key to the stack's", map[string]string{"ParametersKey": "stack"}, otherKeyARN, keyARN},
	{"one key to another", map[string]string{"ParametersKey": anotherKeyARN}, otherKeyARN, anotherKeyARN},
	{"a stack created anew, under its own key", map[string]string{"ParametersKey": "stack"}, retainedKeyARN, keyARN},
	{"the stack's key to AWS's", nil, keyARN, ""},
	{"another key to AWS's", map[string]string{"StackKey": "none"}, otherKeyARN, ""},
}

// TestKeyTransitions: after a change of the key, both functions read what is still
// under the previous key, and write with the new one. They can do nothing else with
// the previous key.
func TestKeyTransitions(t *testing.T) {
	connections := map[string]map[string]string{
		"named":  {"Connections": "A_,/r/B_"},
		"listed": listed(),
	}
	prefixes := map[string][]string{"named": {"A_", "/r/B_"}, "listed": {"/tokenkeeper/a_", "/tokenkeeper/b_"}}
	for _, tt := range transitions {
		for kind, parameters := range connections {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				parameters := maps.Clone(parameters)
				maps.Copy(parameters, tt.after)
				forgotten, err := deploy(transformed(t), scenario{parameters: parameters})
				require.NoError(t, err)
				parameters["PreviousParametersKeys"] = tt.previous
				s, err := deploy(transformed(t), scenario{parameters: parameters})
				require.NoError(t, err)
				for _, role := range []string{"RefresherRole", "BootstrapRole"} {
					policies := s.policiesOf(role)
					for _, prefix := range prefixes[kind] {
						for _, name := range []string{"CLIENT_ID", "CLIENT_SECRET", "TOKEN_LEDGER", "REFRESH_TOKEN", "ACCESS_TOKEN", "OAUTH_REFRESH_TOKEN_lock"} {
							name = prefix + name
							require.True(t, decide(viaSSM("", "kms:Decrypt", tt.previous, name), policies...).allows, "%s reads %s", role, name)
							require.False(t, decide(viaSSM("", "kms:Decrypt", tt.previous, name), forgotten.policiesOf(role)...).allows, "without PreviousParametersKeys")
							require.False(t, decide(viaSSM("", "kms:Encrypt", tt.previous, name), policies...).allows)
							require.False(t, decide(viaSSM("", "kms:GenerateDataKey", tt.previous, name), policies...).allows)
							for _, action := range []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"} {
								if tt.current != "" { // AWS's own key lets the account in
									require.True(t, decide(viaSSM("", action, tt.current, name), policies...).allows, "%s %s %s", role, action, name)
								}
							}
						}
						require.False(t, decide(viaSSM("", "kms:Decrypt", tt.previous, prefix+"OTHER"), policies...).allows, "another parameter")
					}
					direct := viaSSM("", "kms:Decrypt", tt.previous, prefixes[kind][0]+"REFRESH_TOKEN")
					direct.context["kms:ViaService"] = "s3.eu-west-1.amazonaws.com"
					require.False(t, decide(direct, policies...).allows, "by another service")
				}
			})
		}
	}
}

// TestConsumersReadAccessTokensOnly: the stack's key lets consumers decrypt
// ACCESS_TOKEN, and also after a change to another key, until it is written again.
func TestConsumersReadAccessTokensOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		parameters map[string]string
		reads      bool
	}{
		"under the stack's key":  {map[string]string{"ParametersKey": "stack"}, true},
		"after it":               {map[string]string{"ParametersKey": otherKeyARN, "PreviousParametersKeys": keyARN}, true},
		"under AWS's key":        {nil, false},
		"a list, under this key": {listed("ParametersKey", "stack"), true},
	} {
		t.Run(name, func(t *testing.T) {
			parameters := map[string]string{"ConsumerRoleArns": consumerARN}
			maps.Copy(parameters, tt.parameters)
			prefix := "/tokenkeeper/a_"
			if parameters["ConnectionsPath"] == "" {
				parameters["Connections"], prefix = "A_,/r/B_", "/r/B_"
			}
			s, err := deploy(transformed(t), scenario{parameters: parameters})
			require.NoError(t, err)
			policy := s.properties("Key")["KeyPolicy"]
			require.Equal(t, tt.reads, decide(viaSSM(consumerARN, "kms:Decrypt", keyARN, prefix+"ACCESS_TOKEN"), policy).allows)
			for _, secret := range []string{"REFRESH_TOKEN", "CLIENT_SECRET", "TOKEN_LEDGER", "CONSENT_TOKENS", "ACCESS_TOKEN_2"} {
				require.False(t, decide(viaSSM(consumerARN, "kms:Decrypt", keyARN, prefix+secret), policy).allows, secret)
			}
			require.False(t, decide(viaSSM(consumerARN, "kms:Encrypt", keyARN, prefix+"ACCESS_TOKEN"), policy).allows)
			require.False(t, decide(viaSSM("arn:aws:iam::111122223333:role/another", "kms:Decrypt", keyARN, prefix+"ACCESS_TOKEN"), policy).allows)
		})
	}
}
