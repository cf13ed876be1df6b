package template

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNewCodeIsProved: other code is another version, which is another property
// of FirstTick, so that CloudFormation asks the new code for a tick.
func TestNewCodeIsProved(t *testing.T) {
	versionOf := func(raw []byte) any {
		s, err := deploy(raw, scenario{})
		require.NoError(t, err)
		require.Equal(t, s.ref(s.only("AWS::Lambda::Version")), s.properties("FirstTick")["Version"])
		return s.properties("FirstTick")["Version"]
	}
	other, err := transformWith("CODE_URI=s3://code/other.zip")
	require.NoError(t, err)
	require.NotEqual(t, versionOf(transformed(t)), versionOf(other))
	// So it is for the function's memory and time, which are in no variable.
	source, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), "AutoPublishAlias: newest\n      AutoPublishAliasAllProperties: true\n"))
}

// TestNewSettingsAreProved: every change of the function's variables, architecture
// or key changes FirstTick too.
func TestNewSettingsAreProved(t *testing.T) {
	of := func(parameters map[string]string) (settings, gate string) {
		s, err := deploy(transformed(t), scenario{parameters: parameters})
		require.NoError(t, err)
		f := s.properties("RefresherFunction")
		return fmt.Sprint(f["Environment"], f["Architectures"], f["KmsKeyArn"]), fmt.Sprint(s.properties("FirstTick"))
	}
	settings, gate := of(nil)
	changed := map[string]string{
		"Connections": "A_", "AccessTokenFormat": "psoxy-json", "RefreshBefore": "30m", "FamilyLifetimeDays": "90", "ParametersKey": otherKeyARN,
		"StackKey": "none", "Architecture": "x86_64", "MetricNamespace": "Other", "ConnectionMetricsLimit": "50", "LastWarningDays": "2",
		"FirstWarningDays": "90", "SecondWarningDays": "45", "ThirdWarningDays": "21", "FourthWarningDays": "10",
		"NoChangeNotificationHours": "6", "AtlassianAuthUrl": "https://a.example", "AtlassianApiUrl": "https://b.example",
		"ParameterStoreThroughput": "higher", "ConnectionsPath": "/list", "ParameterPath": "/p/", "LedgerPath": "/ledgers",
	}
	for name, value := range changed {
		t.Run(name, func(t *testing.T) {
			newSettings, newGate := of(map[string]string{name: value})
			require.NotEqual(t, settings, newSettings)
			require.NotEqual(t, gate, newGate)
		})
	}
	for name, definition := range parameters(t) {
		if _, known := changed[name]; known {
			continue
		}
		t.Run(name+" is none of them", func(t *testing.T) {
			other := map[string]string{name: "other"}
			if allowed := strs(definition["AllowedValues"]); allowed != nil {
				other[name] = allowed[0]
				if allowed[0] == fmt.Sprint(definition["Default"]) {
					other[name] = allowed[1]
				}
			}
			newSettings, _ := of(other)
			require.Equal(t, settings, newSettings, "%v changes what the function works with: FirstTick must change too", other)
		})
	}
}

// TestTheProofWaitsForTheKey: the first tick under a customer's key comes when
// the function may use it.
func TestTheProofWaitsForTheKey(t *testing.T) {
	for _, tt := range []struct {
		parameters map[string]string
		policies   []any
	}{
		{nil, []any{"", ""}},
		{map[string]string{"ParametersKey": "stack"}, []any{"tokens-RefresherUsesKey", ""}},
		{map[string]string{"PreviousParametersKeys": otherKeyARN}, []any{"", "tokens-ReadsUnderPreviousKeys"}},
	} {
		s, err := deploy(transformed(t), scenario{parameters: tt.parameters})
		require.NoError(t, err)
		require.Equal(t, tt.policies, s.properties("FirstTick")["Configuration"].([]any)[1:])
	}
}
