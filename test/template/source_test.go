package template

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

// TestAlarmsPassTheTransformUnchanged: the simulation reads alarms and topics
// from template.yaml itself, without Python. They are what a deployment gets,
// and so are the function's properties that it looks at.
func TestAlarmsPassTheTransformUnchanged(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	require.NoError(t, err)
	source, err := cloudformation.Parse(text)
	require.NoError(t, err)
	for _, sc := range scenarios {
		asDeployed, err := deploy(transformed(t), sc)
		require.NoError(t, err)
		asWritten, err := cloudformation.Deploy(source, "tokens", sc.parameters)
		require.NoError(t, err)
		for _, resourceType := range []string{"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Scheduler::Schedule", "AWS::Lambda::EventInvokeConfig"} {
			ids, err := asWritten.IDs(resourceType)
			require.NoError(t, err)
			require.Equal(t, asDeployed.ids(resourceType), ids)
			for _, id := range ids {
				properties, err := asWritten.Properties(id)
				require.NoError(t, err)
				require.Equal(t, asDeployed.properties(id), properties, "%s (%s)", id, sc.name)
			}
		}
		function, err := asWritten.Properties("RefresherFunction")
		require.NoError(t, err)
		of := asDeployed.properties("RefresherFunction")
		for _, property := range []string{"FunctionName", "Timeout", "Environment"} {
			require.Equal(t, of[property], function[property], property)
		}
	}
}
