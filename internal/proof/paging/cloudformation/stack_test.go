package cloudformation_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

// small is a template, in JSON and, further down, in YAML.
const small = `{
  "Parameters": {"Name": {"Default": "a,b"}, "List": {"Type": "CommaDelimitedList", "Default": "x, y"}, "Seconds": {"Type": "Number", "Default": 1209600}},
  "Conditions": {
    "Yes": {"Fn::Equals": [{"Ref": "Name"}, "a,b"]}, "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]}, "Either": {"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}},
  "Resources": {
    "Queue": {"Type": "AWS::SQS::Queue"}, "Topic": {"Type": "AWS::SNS::Topic"},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::Sub": "${AWS::StackName}-r"}}},
    "Absent": {"Type": "AWS::SQS::Queue", "Condition": "No"}}
}`

func deploy(t *testing.T, template string, parameters map[string]string) *cloudformation.Stack {
	t.Helper()
	object, err := cloudformation.Parse([]byte(template))
	require.NoError(t, err)
	s, err := cloudformation.Deploy(object, "tokens", parameters)
	require.NoError(t, err)
	return s
}

func TestValue(t *testing.T) {
	s := deploy(t, small, nil)
	for _, tt := range []struct{ expression, want string }{
		{`"plain"`, `"plain"`},
		{`{"Ref":"List"}`, `["x","y"]`},
		{`{"Ref":"Seconds"}`, `"1209600"`},
		{`{"Fn::Join":["-",{"Ref":"List"}]}`, `"x-y"`},
		{`{"Fn::Join":["-",["n",1209600]]}`, `"n-1209600"`},
		{`{"Fn::Split":[",",{"Fn::Sub":"${Name},,"}]}`, `["a","b","",""]`},
		{`{"Fn::Select":[1,{"Fn::Split":[",",{"Ref":"Name"}]}]}`, `"b"`},
		{`{"Fn::Sub":["${N}/${AWS::Region}/${Queue.Arn}/${!Kept}",{"N":{"Ref":"Name"}}]}`, `"a,b/eu-west-1/arn:aws:sqs:eu-west-1:111122223333:tokens-Queue/${Kept}"`},
		{`{"Fn::GetAtt":["Role","Arn"]}`, `"arn:aws:iam::111122223333:role/tokens-r"`},
		{`{"Fn::GetAtt":"Role.Arn"}`, `"arn:aws:iam::111122223333:role/tokens-r"`},
		{`{"Fn::GetAtt":["Queue","QueueName"]}`, `"tokens-Queue"`},
		{`{"Ref":"Queue"}`, `"https://sqs.eu-west-1.amazonaws.com/111122223333/tokens-Queue"`},
		{`{"Ref":"Topic"}`, `"arn:aws:sns:eu-west-1:111122223333:tokens-Topic"`},
		{`{"Fn::If":["Both",1,{"Fn::If":["Either",2,3]}]}`, `2`},
		{`[1,{"Fn::If":["Yes",{"Ref":"AWS::NoValue"},2]},3]`, `[1,3]`},
		{`{"a":{"Ref":"AWS::NoValue"},"b":{"c":{"Ref":"AWS::Partition"}}}`, `{"b":{"c":"aws"}}`},
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(tt.expression), &v))
		value, err := s.Value(v)
		require.NoError(t, err, tt.expression)
		got, err := json.Marshal(value)
		require.NoError(t, err)
		require.JSONEq(t, tt.want, string(got), tt.expression)
	}
	for resourceType, want := range map[string][]string{"AWS::SQS::Queue": {"Queue"}, "": {"Queue", "Role", "Topic"}, "AWS::EC2::VPC": nil} {
		ids, err := s.IDs(resourceType)
		require.NoError(t, err)
		require.Equal(t, want, ids, resourceType)
	}
	holds, err := s.Holds(map[string]any{"Condition": "No"})
	require.NoError(t, err)
	require.False(t, holds)
}

func TestWhatCannotBeEvaluated(t *testing.T) {
	s := deploy(t, small, nil)
	for expression, problem := range map[string]string{
		`{"Ref":"Nobody"}`:                                    "there is no resource Nobody",
		`{"Ref":"Absent"}`:                                    "a reference to Absent, which this deployment does not create",
		`{"Fn::GetAtt":["Absent","Arn"]}`:                     "a reference to Absent, which this deployment does not create",
		`{"Fn::Select":[2,{"Ref":"List"}]}`:                   "Fn::Select wants item 2 of 2",
		`{"Fn::Join":[{"Ref":"AWS::Region"},{"Ref":"List"}]}`: "the delimiter of Fn::Join must be a literal string",
		`{"Fn::Cidr":["10.0.0.0/8",1]}`:                       "Fn::Cidr is not known here",
		`{"Fn::Sub":"${List}"}`:                               "Fn::Sub cannot put List, which is a list, into a string",
		`{"Fn::If":["Unknown",1,2]}`:                          "there is no condition Unknown",
		`{"Fn::GetAtt":["Queue","Colour"]}`:                   "the attribute AWS::SQS::Queue.Colour is not known here",
		`{"Ref":["List"]}`:                                    "the template has a value of an unexpected form",
	} {
		var v any
		require.NoError(t, json.Unmarshal([]byte(expression), &v))
		_, err := s.Value(v)
		require.ErrorContains(t, err, problem, expression)
	}
}

func TestParameters(t *testing.T) {
	s := deploy(t, small, map[string]string{"Name": "n", "List": "1,2 , 3"})
	require.Equal(t, "n", s.Parameter("Name"))
	require.Equal(t, []any{"1", "2", "3"}, s.Parameter("List"))
	require.Nil(t, s.Parameter("Other"))

	object, err := cloudformation.Parse([]byte(`{"Parameters": {"Needed": {"Type": "String"}}}`))
	require.NoError(t, err)
	_, err = cloudformation.Deploy(object, "tokens", map[string]string{"Other": "x"})
	require.ErrorContains(t, err, "the template has no parameter Other")
	_, err = cloudformation.Deploy(object, "tokens", nil)
	require.ErrorContains(t, err, "parameter Needed has no default: give it a value")
}

// TestNotations: YAML's short tags are the long functions, and its numbers JSON's.
func TestNotations(t *testing.T) {
	fromYAML, err := cloudformation.Parse([]byte(`
Version: "2012-10-17"
A: !Ref B
C: !GetAtt D.Arn
E: !Sub ["${F}", {F: !If [G, 1, !Ref AWS::NoValue]}]
H: !Not [!Condition I]
J: &anchor {K: [1.5, true, null, text, "5"]}
L: *anchor
`))
	require.NoError(t, err)
	fromJSON, err := cloudformation.Parse([]byte(`{"Version": "2012-10-17", "A": {"Ref": "B"}, "C": {"Fn::GetAtt": ["D", "Arn"]},
		"E": {"Fn::Sub": ["${F}", {"F": {"Fn::If": ["G", 1, {"Ref": "AWS::NoValue"}]}}]}, "H": {"Fn::Not": [{"Condition": "I"}]},
		"J": {"K": [1.5, true, null, "text", "5"]}, "L": {"K": [1.5, true, null, "text", "5"]}}`))
	require.NoError(t, err)
	require.Equal(t, fromJSON, fromYAML)
	var std map[string]any
	require.NoError(t, json.Unmarshal([]byte(`{"n": 1209600}`), &std))
	one, err := cloudformation.Parse([]byte("n: 1209600"))
	require.NoError(t, err)
	require.Equal(t, std, one)

	for text, problem := range map[string]string{"{": "neither YAML nor JSON", "": "empty", "[1]": "not a mapping", "a: .nan": "no number that JSON has"} {
		_, err := cloudformation.Parse([]byte(text))
		require.ErrorContains(t, err, problem, text)
	}
}

// TestGlobals: a function has the properties that Globals give to every function,
// under its own.
func TestGlobals(t *testing.T) {
	s := deploy(t, `
Globals:
  Function: {Timeout: 120, MemorySize: 128, Environment: {Variables: {A: !Ref AWS::Region, B: global}}}
Resources:
  F: {Type: "AWS::Serverless::Function", Properties: {MemorySize: 256, Environment: {Variables: {B: own}}}}
  G: {Type: "AWS::SQS::Queue", Properties: {QueueName: q}}
`, nil)
	f, err := s.Properties("F")
	require.NoError(t, err)
	require.Equal(t, cloudformation.Object{"Timeout": 120.0, "MemorySize": 256.0,
		"Environment": cloudformation.Object{"Variables": cloudformation.Object{"A": "eu-west-1", "B": "own"}}}, f)
	g, err := s.Properties("G")
	require.NoError(t, err)
	require.Equal(t, cloudformation.Object{"QueueName": "q"}, g)
}
