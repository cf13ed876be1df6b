package template

import (
	"encoding/json"
	"fmt"

	"github.com/tokenkeeper/tokenkeeper/internal/config"
	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// settings are the parameters of a deployment. What its policies must grant follows
// from them alone.
type settings struct {
	// values of the parameters.
	values map[string]any
	// connections are the prefixes that the scenario deploys.
	connections []string
}

// key is the ARN of the stack's own key; nil if it has none.
func (s settings) key() any {
	if s.values["StackKey"] == "none" {
		return nil
	}
	return keyARN
}

// namespace of the stack's metrics.
func (s settings) namespace() string { return fmt.Sprint(s.values["MetricNamespace"], "/tokens") }

// prefixes begin the names in the connections' grants: each connection's name, or
// with a list any name below the path.
func (s settings) prefixes() []string {
	if s.values["ConnectionsPath"] != "" {
		return []string{fmt.Sprint(s.values["ParameterPath"]) + "*"}
	}
	return s.connections
}

// ledger is the name of a connection's ledger.
func (s settings) ledger(connection string) string {
	if path := fmt.Sprint(s.values["LedgerPath"]); path != "" {
		return config.LedgerBelow(path, connection)
	}
	return family.NamesOf(connection).Ledger
}

// listGrants are for reading the list.
func (s settings) listGrants() (want []string) {
	if path := fmt.Sprint(s.values["ConnectionsPath"]); path != "" {
		for _, resource := range []string{path, path + "/*"} {
			want = append(want, grant("Allow", "-", "ssm:GetParametersByPath", parameterARN(resource), ""))
		}
	}
	return want
}

// parametersKeyGrants is what a role may do with the parameters' key: nothing is
// needed for the AWS managed one.
func (s settings) parametersKeyGrants(encrypted []string) (want []string) {
	if key := s.values["ParametersKey"]; key != "alias/aws/ssm" {
		resource := fmt.Sprint(key)
		if key == "stack" {
			resource = keyARN
		}
		for _, action := range []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"} {
			want = append(want, grant("Allow", "-", action, resource, s.onlyFor(encrypted)))
		}
	}
	return append(want, s.previousKeyGrants()...)
}

// onlyFor is the condition of a key's use: through Parameter Store, and for these
// parameters.
func (s settings) onlyFor(arns []string) string {
	const context, via, service = "kms:EncryptionContext:PARAMETER_ARN", "kms:ViaService", "ssm.eu-west-1.amazonaws.com"
	condition, _ := json.Marshal(object{"StringEquals": object{via: service}, "StringLike": object{context: arns}})
	return string(condition)
}

// previousKeyGrants is what both functions may do with previous keys: read.
func (s settings) previousKeyGrants() (want []string) {
	var encrypted []string
	for _, connection := range s.prefixes() {
		n := family.NamesOf(connection)
		for _, name := range []string{n.ClientID, n.ClientSecret, s.ledger(connection), n.RefreshToken, n.AccessToken, n.Lock, n.ConsentState, n.ConsentTokens} {
			encrypted = append(encrypted, parameterARN(name))
		}
	}
	for _, key := range strs(s.values["PreviousParametersKeys"]) {
		if key != "" {
			want = append(want, grant("Allow", "-", "kms:Decrypt", key, s.onlyFor(encrypted)))
		}
	}
	return want
}
