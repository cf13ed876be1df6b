package template

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// small is a template for the tests of the evaluator itself.
const small = `{
  "Parameters": {"Name": {"Default": "a,b"}, "List": {"Type": "CommaDelimitedList", "Default": "x, y"}, "Empty": {"Default": ""}, "Connections": {"Default": "C_"}},
  "Conditions": {
    "Yes": {"Fn::Equals": [{"Ref": "Name"}, "a,b"]}, "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]}, "Either": {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}},
  "Resources": {
    "Queue": {"Type": "AWS::SQS::Queue"}, "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::Sub": "${AWS::StackName}-r"}}},
    "Absent": {"Type": "AWS::SQS::Queue", "Condition": "No"}}
}`

func TestEvaluator(t *testing.T) {
	s, err := deploy([]byte(small), scenario{})
	require.NoError(t, err)
	for _, tt := range []struct{ expression, want string }{
		{`"plain"`, `"plain"`},
		{`{"Ref":"List"}`, `["x","y"]`},
		{`{"Fn::Join":["-",{"Ref":"List"}]}`, `"x-y"`},
		{`{"Fn::Split":[",",{"Fn::Sub":"${Name},,"}]}`, `["a","b","",""]`},
		{`{"Fn::Select":[1,{"Fn::Split":[",",{"Ref":"Name"}]}]}`, `"b"`},
		{`{"Fn::Sub":["${N}/${AWS::Region}/${Queue.Arn}/${!Kept}",{"N":{"Ref":"Name"}}]}`, `"a,b/eu-west-1/arn:aws:sqs:eu-west-1:111122223333:tokens-Queue/${Kept}"`},
		{`{"Fn::GetAtt":["Role","Arn"]}`, `"arn:aws:iam::111122223333:role/tokens-r"`},
		{`{"Fn::GetAtt":"Role.Arn"}`, `"arn:aws:iam::111122223333:role/tokens-r"`},
		{`{"Ref":"Queue"}`, `"https://sqs.eu-west-1.amazonaws.com/111122223333/tokens-Queue"`},
		{`{"Fn::If":["Both",1,{"Fn::If":["Either",2,3]}]}`, `2`},
		{`[1,{"Fn::If":["Yes",{"Ref":"AWS::NoValue"},2]},3]`, `[1,3]`},
		{`{"a":{"Ref":"AWS::NoValue"},"b":{"c":{"Ref":"AWS::Partition"}}}`, `{"b":{"c":"aws"}}`},
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(tt.expression), &v))
		got, err := json.Marshal(s.value(v))
		require.NoError(t, err)
		require.JSONEq(t, tt.want, string(got), tt.expression)
	}
	require.Equal(t, []string{"Queue"}, s.ids("AWS::SQS::Queue"))
}

func TestEvaluatorRefuses(t *testing.T) {
	s, err := deploy([]byte(small), scenario{})
	require.NoError(t, err)
	for expression, problem := range map[string]string{
		`{"Ref":"Nobody"}`:                                    "there is no resource Nobody",
		`{"Ref":"Absent"}`:                                    "a reference to Absent, which this deployment does not create",
		`{"Fn::GetAtt":["Absent","Arn"]}`:                     "a reference to Absent, which this deployment does not create",
		`{"Fn::Select":[2,{"Ref":"List"}]}`:                   "Fn::Select wants item 2 of 2",
		`{"Fn::Join":[{"Ref":"AWS::Region"},{"Ref":"List"}]}`: "the delimiter of Fn::Join must be a literal string",
		`{"Fn::Cidr":["10.0.0.0/8",1]}`:                       "the tests do not know Fn::Cidr",
		`{"Fn::Sub":"${List}"}`:                               "Fn::Sub cannot put List, which is a list, into a string",
		`{"Fn::If":["Unknown",1,2]}`:                          "there is no condition Unknown",
		`{"Fn::GetAtt":["Queue","Colour"]}`:                   "the tests do not know the attribute AWS::SQS::Queue.Colour",
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(expression), &v))
		require.PanicsWithValue(t, fault(problem), func() { s.value(v) }, expression)
	}
}
