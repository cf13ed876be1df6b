package template

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mutations are faults that somebody could put into the template. Each replaces
// old by new, everywhere in the transformed template's compact JSON, and must
// be found by the named check (and may be by others too).
var mutations = []struct{ fault, old, new, foundBy string }{
	{"mistyped action", `"ssm:PutParameter"`, `"ssm:PutParamater"`, "IAM actions exist"},
	{"mistyped service", `"cloudwatch:PutMetricData"`, `"monitoring:PutMetricData"`, "IAM actions exist"},
	{"another action that exists", `"ssm:DeleteParameter"`, `"ssm:DeleteParameters"`, "the refresher's grants"},
	{"every action of a service", `"ssm:PutParameter"`, `"ssm:*"`, "the refresher's grants"},
	{"wildcard parameter name", `${P}OAUTH_REFRESH_TOKEN_lock"`, `${P}*"`, "the refresher's grants"},
	{"wildcard account", `:${AWS::AccountId}:parameter/${C}`, `:*:parameter/${C}`, "the refresher's grants"},
	{"the lock cannot be read", `${P}TOKEN_FAMILY,${P}OAUTH_REFRESH_TOKEN_lock`, `${P}TOKEN_FAMILY`, "the refresher's grants"},
	{"the client secret can be written", `"${S}${L}TOKEN_LEDGER,`, `"${S}${P}CLIENT_SECRET,${L}TOKEN_LEDGER,`, "the refresher's grants"},
	{"the third connection is the second", `"Fn::Select":[2,`, `"Fn::Select":[1,`, "the refresher's grants"},
	{"the fifth connection is forgotten", `{"Fn::If":["HasConnection5",`, `{"Fn::If":["OwnPageTopic",`, "the refresher's grants"},
	{"a path's slash is doubled", `"Fn::Split":["//",`, `"Fn::Split":["///",`, "the refresher's grants"},
	{"the managed key gets a statement", `{"Fn::Equals":[{"Ref":"ParametersKey"},"alias/aws/ssm"]}`, `{"Fn::Equals":[{"Ref":"ParametersKey"},"never"]}`, "the refresher's grants"},
	{"no encryption context", `"kms:EncryptionContext:PARAMETER_ARN"`, `"kms:EncryptionContext:PARAMETER"`, "the refresher's grants"},
	{"condition on another service", `ssm.${AWS::Region}.${AWS::URLSuffix}`, `*.${AWS::Region}.${AWS::URLSuffix}`, "the refresher's grants"},
	{"metrics of every namespace", `{"StringEquals":{"cloudwatch:namespace":{"Fn::Sub":"${MetricNamespace}/${AWS::StackName}"}}}`, `{}`, "the refresher's grants"},
	{"a list of connections, anywhere", `"${ParameterPath}*"`, `"*"`, "the refresher's grants"},
	{"connections in every account", `:${AWS::AccountId}:parameter/${C}`, `:*:parameter/${C}`, "the bootstrap's grants"},
	{"a list's connections as names", `{"Fn::If":["ListsConnections",{"Fn::Sub":"${ParameterPath}*"},`, `{"Fn::If":["ListsConnections",{"Fn::Sub":"${ParameterPath}"},`, "the refresher's grants"},
	{"a list beside the one that is read", `:parameter${ConnectionsPath}/*`, `:parameter${ConnectionsPath}*`, "the refresher's grants"},
	{"a list that the bootstrap cannot read", `"ListsConnections":{"Fn::Not":[{"Fn::Equals":[{"Ref":"ConnectionsPath"},""]}]}`, `"ListsConnections":{"Fn::Equals":["","x"]}`, "the bootstrap's grants"},
	{"wildcards for a few connections", `"ListsConnections":{"Fn::Not":[{"Fn::Equals":[{"Ref":"ConnectionsPath"},""]}]}`, `"ListsConnections":{"Fn::Equals":["",""]}`, "the refresher's grants"},
	{"a list beside the names", `{"Fn::If":["ListsConnections","",{"Ref":"Connections"}]}`, `{"Ref":"Connections"}`, "the environment"},
	{"the bootstrap deletes tokens", `"${S}${P}OAUTH_REFRESH_TOKEN_lock,${P}CONSENT_STATE,${P}CONSENT_TOKENS"`, `"${S}${P}REFRESH_TOKEN,${P}CONSENT_STATE,${P}CONSENT_TOKENS"`, "the bootstrap's grants"},
	{"its tokens under a key without it", `${P}CLIENT_ID,${P}CLIENT_SECRET,${L}TOKEN_LEDGER,${P}REFRESH_TOKEN,${P}ACCESS_TOKEN,${P}OAUTH_REFRESH_TOKEN_lock,${P}CONSENT_STATE,${P}CONSENT_TOKENS"`, `${P}CLIENT_ID"`, "the bootstrap's grants"},
	{"hosted whether it is wanted or not", `"HostsConsent":{"Fn::Equals":[{"Ref":"HostedConsent"},"true"]}`, `"HostsConsent":{"Fn::Equals":["",""]}`, "the URL"},
	{"anybody may invoke the bootstrap", `,"InvokedViaFunctionUrl":true`, ``, "the URL"},
	{"pages without their permission", `"FunctionUrlAuthType":"NONE",`, ``, "the URL"},
	{"pages that are never shown", `"HOSTED_CONSENT":{"Ref":"HostedConsent"}`, `"HOSTED_CONSENT":"false"`, "the bootstrap function"},
	{"a bootstrap without a bound", `"ReservedConcurrentExecutions":{"Fn::If":["ReservesConcurrency",2,`, `"ReservedConcurrentExecutions":{"Fn::If":["ReservesConcurrency",200,`, "the bootstrap function"},
	{"negated resource", `"Action":"lambda:InvokeFunction","Effect":"Allow","Resource"`, `"Action":"lambda:InvokeFunction","Effect":"Allow","NotResource"`, "the scheduler's grants"},
	{"any function can be invoked", `"Resource":{"Fn::GetAtt":["RefresherFunction","Arn"]}`, `"Resource":"*"`, "the scheduler's grants"},
	{"anybody may assume", `{"Service":"lambda.amazonaws.com"}`, `{"AWS":"*"}`, "who may assume a role"},
	{"confused deputy", `"ArnEquals":{"aws:SourceArn"`, `"ArnLike":{"aws:SourceArn"`, "who may assume a role"},
	{"a managed policy from elsewhere", `"Policies":[{"PolicyDocument"`, `"ManagedPolicyArns":["arn:aws:iam::aws:policy/AmazonSSMFullAccess"],"Policies":[{"PolicyDocument"`, "no other policies"},
	{"a policy for another role too", `"Roles":[{"Ref":"RefresherRole"}]`, `"Roles":[{"Ref":"RefresherRole"},"admin"]`, "no other policies"},
	{"a policy too long to be one", `"Sid":"SavePair"`, `"Sid":"SavePair` + strings.Repeat("AndMore", 500) + `"`, "policies fit"},
	{"no key rotation", `"EnableKeyRotation":true`, `"EnableKeyRotation":false`, "the key"},
	{"the key goes with the stack", `"DeletionPolicy":"RetainExceptOnCreate"`, `"DeletionPolicy":"Delete"`, "the key"},
	{"logs of others", `"kms:EncryptionContext:aws:logs:arn"`, `"kms:EncryptionContext:aws:logs:Arn"`, "the key"},
	{"consumers by any way", `"Principal":{"AWS":{"Ref":"ConsumerRoleArns"}}`, `"Principal":{"AWS":"*"}`, "the key"},
	{"consumers without the stack's key", `{"Fn::Or":[{"Condition":"ParametersUnderStackKey"},{"Condition":"HasPreviousKeys"}]},`, ``, "the key"},
	{"consumers of every token", `"${S}${P}ACCESS_TOKEN"`, `"${S}${P}ACCESS_TOKEN,${P}REFRESH_TOKEN"`, "the key"},
	{"the ledger cannot be read", `${L}TOKEN_LEDGER,`, ``, "the refresher's grants"},
	{"the ledgers beside the rest after all", `:parameter${LedgerPath}/${C}`, `:parameter/${C}`, "the refresher's grants"},
	{"a previous key is written with", `"Action":"kms:Decrypt","Condition":{"StringEquals":{"kms:ViaService"`, `"Action":["kms:Decrypt","kms:Encrypt"],"Condition":{"StringEquals":{"kms:ViaService"`, "the bootstrap's grants"},
	{"plain queue", `"KmsMasterKeyId":{"Fn::If":["HasKey",{"Fn::GetAtt":["Key","Arn"]},{"Ref":"AWS::NoValue"}]},"MessageRetentionPeriod"`, `"MessageRetentionPeriod"`, "the queue"},
	{"a plain queue without a key", `"SqsManagedSseEnabled":{"Fn::If":["HasKey",{"Ref":"AWS::NoValue"},true]}`, `"SqsManagedSseEnabled":{"Ref":"AWS::NoValue"}`, "the queue"},
	{"a key that nobody wants", `"HasKey":{"Fn::Equals":[{"Ref":"StackKey"},"customer"]}`, `"HasKey":{"Fn::Equals":["","" ]}`, "the key"},
	{"a reference to no key", `{"Fn::If":["HasKey",{"Fn::GetAtt":["Key","Arn"]},{"Ref":"AWS::NoValue"}]}`, `{"Fn::GetAtt":["Key","Arn"]}`, "the function"},
	{"short-lived dead letters", `"MessageRetentionPeriod":1209600`, `"MessageRetentionPeriod":345600`, "the queue"},
	{"ticks too far apart", `"Default":"rate(2 minutes)"`, `"Default":"rate(10 minutes)"`, "the schedule"},
	{"no such schedule", `"Default":"rate(2 minutes)"`, `"Default":"rate(2 minute)"`, "the schedule"},
	{"another event", `\"action\":\"tick\"`, `\"action\":\"tock\"`, "the schedule"},
	{"unknown placeholder", `aws.scheduler.scheduled-time`, `aws.scheduler.execution-id`, "the schedule"},
	{"flexible window", `"FlexibleTimeWindow":{"Mode":"OFF"}`, `"FlexibleTimeWindow":{"MaximumWindowInMinutes":15,"Mode":"FLEXIBLE"}`, "the schedule"},
	{"an hour of waiting", `"ServiceTimeout":300`, `"ServiceTimeout":3600`, "the first tick"},
	{"a tick before the deployment's", `"DependsOn":"FirstTick",`, ``, "the first tick"},
	{"no first heartbeat", `"DependsOn":["FirstTick","Schedule"],`, ``, "the alarms"},
	{"a day of retries", `"MaximumEventAgeInSeconds":300`, `"MaximumEventAgeInSeconds":86400`, "the retries"},
	{"no retries", `"MaximumRetryAttempts":2`, `"MaximumRetryAttempts":0`, "the retries"},
	{"undelivered ticks vanish", `"DeadLetterConfig":{"Arn":`, `"DeadLetterConfiguration":{"Arn":`, "the retries"},
	{"failed ticks vanish", `"DeadLetterConfig":{"TargetArn":`, `"DeadLetterQueue":{"TargetArn":`, "the retries"},
	{"always reserved", `{"Fn::If":["ReservesConcurrency",1,{"Ref":"AWS::NoValue"}]}`, `1`, "the function"},
	{"overlapping ticks", `{"Fn::If":["ReservesConcurrency",1,`, `{"Fn::If":["ReservesConcurrency",2,`, "the function"},
	{"outlives its lock", `"Timeout":120`, `"Timeout":900`, "the function"},
	{"fixed architecture", `"Architectures":[{"Ref":"Architecture"}]`, `"Architectures":["arm64"]`, "the function"},
	{"starts before it may read", `"DependsOn":["ReadParameters","WriteParameters"]`, `"DependsOn":["WriteParameters"]`, "the function"},
	{"misspelt variable", `"REFRESH_BEFORE"`, `"REFRESH_BEFOR"`, "the environment"},
	{"a variable nobody reads", `"REFRESH_BEFORE"`, `"LOG_LEVEL":"DEBUG","REFRESH_BEFORE"`, "the environment"},
	{"swapped values", `"ATLASSIAN_AUTH_URL":{"Ref":"AtlassianAuthUrl"}`, `"ATLASSIAN_AUTH_URL":{"Ref":"AtlassianApiUrl"}`, "the environment"},
	{"plain logs", `"KmsKeyId":{"Fn::If":["HasKey",{"Fn::GetAtt":["Key","Arn"]},{"Ref":"AWS::NoValue"}]},`, ``, "the logs"},
	{"logs for ever", `"RetentionInDays":{"Ref":"LogRetentionDays"}`, `"RetentionInDays":3653`, "the logs"},
	{"another log group", `"LogGroup":{"Ref":"LogGroup"}`, `"LogGroup":"/aws/lambda/refresher"`, "the logs"},
	{"metric that does not exist", `"MetricName":"ConsentNeeded"`, `"MetricName":"ConsentsNeeded"`, "the alarms"},
	{"alarm on another stack's metrics", `"MetricName":"Heartbeat","Namespace":{"Fn::Sub":"${MetricNamespace}/${AWS::StackName}"}`, `"MetricName":"Heartbeat","Namespace":{"Ref":"MetricNamespace"}`, "the alarms"},
	{"alarm on another queue", `{"Fn::GetAtt":["DeadLetters","QueueName"]}`, `"DeadLetters"`, "the alarms"},
	{"silence is health", `"TreatMissingData":"breaching"`, `"TreatMissingData":"notBreaching"`, "the alarms"},
	{"silence clears a warning", `"TreatMissingData":"ignore"`, `"TreatMissingData":"notBreaching"`, "the alarms"},
	{"gaps are looked up further back", `FILL(beats, 0)`, `beats`, "the alarms"},
	{"a heartbeat noticed by half an hour", `"EvaluationPeriods":13`, `"EvaluationPeriods":30`, "the alarms"},
	{"one failed tick pages", `"DatapointsToAlarm":3`, `"DatapointsToAlarm":1`, "the alarms"},
	{"only doubt is a failure", `"MetricName":"RotationFailures"`, `"MetricName":"InDoubt"`, "the alarms"},
	{"a warning of another day", `["WarnsByConnection",{"Ref":"SecondWarningDays"},1]`, `["WarnsByConnection",{"Ref":"ThirdWarningDays"},1]`, "the alarms"},
	{"two alarms of one warning", `"MetricName":"SecondWarning"`, `"MetricName":"ThirdWarning"`, "the alarms"},
	{"the function warns of other days", `${FirstWarningDays},${SecondWarningDays}`, `${SecondWarningDays},${FirstWarningDays}`, "the environment"},
	{"a second family behind the first", `"FILL(DIFF(latest), 0)"`, `"FILL(DIFF(latest), 0) * 0"`, "the alarms"},
	{"a lost site behind dead letters", `"FILL(DIFF(things), 0)"`, `"FILL(DIFF(things), 0) * 0"`, "the alarms"},
	{"foreign writes that nobody hears of", `"MetricName":"Attention"`, `"MetricName":"Postponed"`, "the alarms"},
	{"a pause that no alarm sees", `"Period":3600,"Stat":"Maximum"`, `"Period":7200,"Stat":"Maximum"`, "the alarms"},
	{"the mean of all families", `"Statistic":"Minimum"`, `"Statistic":"Average"`, "the alarms"},
	{"alarm the wrong way round", `"LessThanThreshold"`, `"GreaterThanThreshold"`, "the alarms"},
	{"connections are not told apart", ` GROUP BY Connection`, ``, "the alarms"},
	{"alarm that tells nobody", `"AlarmActions":[{"Fn::If":["OwnPageTopic",{"Ref":"PageTopic"},{"Ref":"PageTopicArn"}]}]`, `"AlarmActions":[]`, "whom the alarms tell"},
	{"a page becomes a ticket", `"AlarmActions":[{"Fn::If":["OwnPageTopic",{"Ref":"PageTopic"},`, `"AlarmActions":[{"Fn::If":["OwnPageTopic",{"Ref":"TicketTopic"},`, "whom the alarms tell"},
	{"nobody hears that it is over", `"OKActions"`, `"InsufficientDataActions"`, "whom the alarms tell"},
	{"alarm that says nothing", `Means: `, ``, "what the alarms say"},
	{"alarm without a runbook", `${Runbook}consent-now`, `${Runbook}consent-later`, "what the alarms say"},
	{"CloudWatch may not use the key", `"Principal":{"Service":"cloudwatch.amazonaws.com"},"Resource":"*"`, `"Principal":{"Service":"sns.amazonaws.com"},"Resource":"*"`, "the key"},
	{"CloudWatch may only decrypt", `["kms:Decrypt","kms:GenerateDataKey*"]`, `["kms:Decrypt"]`, "the key"},
	{"the managed key swallows pages", `"KmsMasterKeyId":{"Fn::If":["HasKey",{"Fn::GetAtt":["Key","Arn"]},{"Ref":"AWS::NoValue"}]},"TopicName"`, `"KmsMasterKeyId":"alias/aws/sns","TopicName"`, "the topics"},
	{"any account's alarms", `"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}},"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},"Resource":{"Ref":"PageTopic"}`, `"StringLike":{"aws:SourceAccount":"*"}},"Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},"Resource":{"Ref":"PageTopic"}`, "the topics"},
	{"pages in the clear", `"aws:SecureTransport":"false"`, `"aws:SecureTransport":"true"`, "the topics"},
	{"a mail to nobody", `"Endpoint":{"Ref":"PageEmail"}`, `"Endpoint":{"Ref":"TicketEmail"}`, "the topics"},
	{"tickets to nobody", `{"Fn::Or":[{"Condition":"HasTicketEmail"},`, `{"Fn::And":[{"Condition":"HasTicketEmail"},`, "the topics"},
	{"nobody is told, and nobody knows", `"nobody: set PageEmail, PageUrl or PageTopicArn"`, `"the URL PageUrl"`, "the topics"},
	{"a call over http", `"Protocol":"https"`, `"Protocol":"http"`, "the topics"},
	{"the dashboard shows nothing", `MetricName=\\\"FamilyDaysRemaining\\\"`, `MetricName=\\\"FamilyDaysLeft\\\"`, "the dashboard"},
	{"a line at another day", `\"value\": ${ThirdWarningDays}`, `\"value\": ${SecondWarningDays}`, "the dashboard"},
	{"an alarm is not shown", `\"${RotationFailingAlarm.Arn}\",`, ``, "the dashboard"},
	{"a broken dashboard", `\"sortBy\"`, `sortBy`, "the dashboard"},
	{"the dashboard of another stack", `\"${MetricNamespace}/${AWS::StackName}\", \"Heartbeat\"`, `\"TokenKeeper\", \"Heartbeat\"`, "the dashboard"},
	{"a hidden problem", ` OR \\\"InDoubt\\\"`, ``, "the dashboard"},
	{"an event that never comes", `"Parameter Store Policy Action"`, `"Parameter Store Change"`, "the event of Parameter Store"},
	{"the event of another parameter", `${Names}REFRESH_TOKEN`, `${Names}ACCESS_TOKEN`, "the event of Parameter Store"},
	{"the event goes nowhere", `"Arn":{"Fn::If":["OwnPageTopic",{"Ref":"PageTopic"},{"Ref":"PageTopicArn"}]},"Id":"pages"`, `"Arn":{"Ref":"DeadLetters"},"Id":"pages"`, "the event of Parameter Store"},
	{"EventBridge may not publish", `"Principal":{"Service":"events.amazonaws.com"},"Resource":{"Ref":"PageTopic"}`, `"Principal":{"Service":"ssm.amazonaws.com"},"Resource":{"Ref":"PageTopic"}`, "the topics"},
	{"EventBridge may not use the key", `"Principal":{"Service":"events.amazonaws.com"},"Resource":"*"`, `"Principal":{"Service":"ssm.amazonaws.com"},"Resource":"*"`, "the key"},
	{"reference into nowhere", `{"Ref":"ScheduleGroup"}`, `{"Ref":"Schedules"}`, "the schedule"},
	{"computed delimiter", `"Fn::Join":["/",`, `"Fn::Join":[{"Ref":"AWS::Region"},`, "the refresher's grants"},
}

func TestEveryMutationIsFound(t *testing.T) {
	var doc any
	require.NoError(t, json.Unmarshal(transformed(t), &doc))
	var compact bytes.Buffer
	encoder := json.NewEncoder(&compact)
	encoder.SetEscapeHTML(false) // the placeholders keep their < and >
	require.NoError(t, encoder.Encode(doc))
	original := compact.String()
	for _, m := range mutations {
		t.Run(m.fault, func(t *testing.T) {
			require.True(t, strings.Contains(original, m.old), "the mutation does not apply any more; bring it up to date")
			mutated := []byte(strings.ReplaceAll(original, m.old, m.new))
			require.True(t, slices.ContainsFunc(scenarios, func(sc scenario) bool {
				s, err := deploy(mutated, sc)
				require.NoError(t, err)
				return len(checkNamed(m.foundBy).run(s)) > 0
			}), "%s does not find it", m.foundBy)
		})
	}
}

// checkNamed is one of the checks.
func checkNamed(name string) check {
	return checks[slices.IndexFunc(checks, func(c check) bool { return c.name == name })]
}

// TestEveryCheckFindsAMutation: a check that finds no mutation would prove nothing.
func TestEveryCheckFindsAMutation(t *testing.T) {
	for _, c := range checks {
		require.True(t, slices.ContainsFunc(mutations, func(m struct{ fault, old, new, foundBy string }) bool { return m.foundBy == c.name }), c.name)
	}
}
