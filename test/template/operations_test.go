package template

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// makers are the actions that make a resource of each type.
var makers = map[string]string{
	"AWS::KMS::Key": "kms:CreateKey", "AWS::KMS::Alias": "kms:CreateAlias", "AWS::Logs::LogGroup": "logs:CreateLogGroup",
	"AWS::SQS::Queue": "sqs:CreateQueue", "AWS::SQS::QueuePolicy": "sqs:SetQueueAttributes", "AWS::IAM::Role": "iam:CreateRole",
	"AWS::IAM::ManagedPolicy": "iam:CreatePolicy", "AWS::Lambda::Function": "lambda:CreateFunction", "AWS::Lambda::Version": "lambda:PublishVersion",
	"AWS::Lambda::Alias": "lambda:CreateAlias", "AWS::Lambda::EventInvokeConfig": "lambda:PutFunctionEventInvokeConfig", "AWS::Lambda::Url": "lambda:CreateFunctionUrlConfig",
	"AWS::Lambda::Permission": "lambda:AddPermission", "AWS::CloudFormation::CustomResource": "lambda:InvokeFunction",
	"AWS::Scheduler::ScheduleGroup": "scheduler:CreateScheduleGroup", "AWS::Scheduler::Schedule": "scheduler:CreateSchedule",
	"AWS::SNS::Topic": "sns:CreateTopic", "AWS::SNS::TopicPolicy": "sns:SetTopicAttributes", "AWS::SNS::Subscription": "sns:Subscribe",
	"AWS::CloudWatch::Alarm": "cloudwatch:PutMetricAlarm", "AWS::CloudWatch::Dashboard": "cloudwatch:PutDashboard",
	"AWS::Events::Rule": "events:PutRule", "AWS::SSM::Parameter": "ssm:PutParameter",
}

// TestPermissionsToDeploy: the policy of docs/operations.md lets CloudFormation
// make each type of resource that the template has, and names no action that IAM
// does not know.
func TestPermissionsToDeploy(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/operations.md"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```json\n")
	require.True(t, found)
	policy, _, _ := strings.Cut(rest, "\n```\n")
	var document object
	require.NoError(t, json.Unmarshal([]byte(policy), &document))

	for resourceType, action := range makers {
		t.Run(resourceType, func(t *testing.T) {
			resource := "arn:aws:" + strings.Replace(strings.SplitN(action, ":", 2)[0], "iam", "iam::111122223333:role/tokenkeeper-x", 1)
			switch resourceType {
			case "AWS::IAM::ManagedPolicy":
				resource = "arn:aws:iam::111122223333:policy/tokenkeeper-x"
			case "AWS::SSM::Parameter":
				resource = parameterARN("CFN-StackNameFits-x")
			}
			require.True(t, decide(request{action: action, resource: resource}, document).allows, action)
		})
	}
	known, err := knownActions()
	require.NoError(t, err)
	for _, action := range actionsIn(document) {
		service, name, _ := strings.Cut(strings.ToLower(action), ":")
		require.Contains(t, known, service)
		if !strings.HasSuffix(name, "*") {
			require.Contains(t, known[service].Actions, name, action)
		}
	}
	require.False(t, decide(request{action: "ssm:GetParameters", resource: parameterARN("PSOXY_JIRA_CLOUD_REFRESH_TOKEN")}, document).allows)

	// No type of the template is forgotten above.
	var doc object
	require.NoError(t, json.Unmarshal(transformed(t), &doc))
	for id, resource := range doc["Resources"].(object) {
		require.Contains(t, makers, at(resource, "Type"), id)
	}
}
