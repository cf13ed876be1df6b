package template

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

// TestPartitions: in each partition the names of AWS are those that hold there.
func TestPartitions(t *testing.T) {
	for _, tt := range []struct {
		place   cloudformation.Place
		console string
	}{
		{cloudformation.Place{Partition: "aws", Region: "us-east-1", URLSuffix: "amazonaws.com"}, "https://us-east-1.console.aws.amazon.com/"},
		{cloudformation.Place{Partition: "aws-us-gov", Region: "us-gov-west-1", URLSuffix: "amazonaws.com"}, "https://us-gov-west-1.console.amazonaws-us-gov.com/"},
		{cloudformation.Place{Partition: "aws-cn", Region: "cn-north-1", URLSuffix: "amazonaws.com.cn"}, "https://cn-north-1.console.amazonaws.cn/"},
	} {
		t.Run(tt.place.Partition, func(t *testing.T) {
			var doc object
			require.NoError(t, json.Unmarshal(transformed(t), &doc))
			s, err := cloudformation.DeployIn(tt.place, doc, "tokens", map[string]string{"ParametersKey": "stack", "ConsumerRoleArns": consumerARN})
			require.NoError(t, err)
			all := ""
			for _, id := range must(s.IDs("")) {
				text, err := json.Marshal(must(s.Properties(id)))
				require.NoError(t, err)
				all += string(text)
			}
			region := tt.place.Region
			for _, name := range []string{"ssm." + region, "sqs." + region, "logs." + region} {
				require.Equal(t, strings.Count(all, `"`+name+"."), strings.Count(all, `"`+name+"."+tt.place.URLSuffix+`"`), name)
				require.Contains(t, all, `"`+name+".")
			}
			all = strings.ReplaceAll(all, consumerARN, "")
			require.Equal(t, strings.Count(all, `arn:`), strings.Count(all, `arn:`+tt.place.Partition+`:`), "ARNs of this partition only")
			link := must(s.Value(at(doc["Outputs"], "DashboardUrl", "Value"))).(string)
			require.True(t, strings.HasPrefix(link, tt.console), link)
			require.True(t, strings.HasSuffix(link, "dashboard/tokens-"+region), link)
		})
	}
}

// TestNamesFit: for every name of a stack that the template takes, no name made of
// it is longer than its service allows. One more character is refused.
func TestNamesFit(t *testing.T) {
	var doc object
	require.NoError(t, json.Unmarshal(transformed(t), &doc))
	longest := strings.Repeat("n", 54)
	s, err := cloudformation.Deploy(doc, longest, map[string]string{"NoChangeNotificationHours": "6"})
	require.NoError(t, err)
	pattern := regexp.MustCompile(fmt.Sprint(must(s.Properties("StackNameFits"))["AllowedPattern"]))
	require.True(t, pattern.MatchString(longest))
	require.False(t, pattern.MatchString(longest+"n"))
	require.Equal(t, "StackNameFits", must(s.Resource("Key"))["DependsOn"], "what is not deleted with the stack is not made before that")
	named := 0
	for resourceType, limit := range map[string]struct {
		property string
		most     int
	}{
		"AWS::Lambda::Function": {"FunctionName", 64}, "AWS::Scheduler::ScheduleGroup": {"Name", 64}, "AWS::Events::Rule": {"Name", 64},
		"AWS::CloudWatch::Alarm": {"AlarmName", 255}, "AWS::CloudWatch::Dashboard": {"DashboardName", 255}, "AWS::SNS::Topic": {"TopicName", 256},
		"AWS::Logs::LogGroup": {"LogGroupName", 512}, "AWS::KMS::Alias": {"AliasName", 256},
	} {
		for _, id := range must(s.IDs(resourceType)) {
			name := fmt.Sprint(must(s.Properties(id))[limit.property])
			require.Contains(t, name, longest, id)
			require.LessOrEqual(t, len(name), limit.most, id)
			named++
		}
	}
	require.Equal(t, 2+1+1+10+1+2+2+1, named)
}
