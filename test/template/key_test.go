package template

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// checkKey: who may use the stack's key, and that its loss takes a decision.
func checkKey(s *stack) []string {
	if s.key() == nil {
		return compare("keys", nil, append(s.ids("AWS::KMS::Key"), s.ids("AWS::KMS::Alias")...))
	}
	want := []string{grant("Allow", "AWS:arn:aws:iam::111122223333:root", "kms:*", "*", "")}
	for _, action := range []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:GenerateDataKey", "kms:DescribeKey"} {
		want = append(want, grant("Allow", "Service:logs.eu-west-1.amazonaws.com", action, "*",
			`{"ArnEquals":{"kms:EncryptionContext:aws:logs:arn":["`+logGroupARN+`","`+bootstrapLogsARN+`"]}}`))
	}
	for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
		want = append(want, grant("Allow", "Service:scheduler.amazonaws.com", action, "*",
			`{"StringEquals":{"aws:SourceAccount":"111122223333"}}`))
	}
	if s.values["PageTopicArn"] == "" || s.values["TicketTopicArn"] == "" {
		// Without these two actions CloudWatch's messages to the topics are lost, silently.
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey*"} {
			want = append(want, grant("Allow", "Service:cloudwatch.amazonaws.com", action, "*",
				`{"StringEquals":{"aws:SourceAccount":"111122223333"}}`))
		}
	}
	if s.values["NoChangeNotificationHours"] != "0" {
		// AWS supports no condition on the source for events to encrypted topics
		// (SNS Developer Guide, key management): with one they would be lost.
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey*"} {
			want = append(want, grant("Allow", "Service:events.amazonaws.com", action, "*", ""))
		}
	}
	if s.values["ParametersKey"] == "stack" || strs(s.values["PreviousParametersKeys"])[0] != "" {
		var access []string
		for _, connection := range s.prefixes() {
			access = append(access, parameterARN(family.NamesOf(connection).AccessToken))
		}
		for _, consumer := range strs(s.values["ConsumerRoleArns"]) {
			if consumer != "" {
				want = append(want, grant("Allow", "AWS:"+consumer, "kms:Decrypt", "*", s.onlyFor(access)))
			}
		}
	}
	id := s.only("AWS::KMS::Key")
	p := s.properties(id)
	alias := s.properties(s.only("AWS::KMS::Alias"))
	return slices.Concat(
		compare("key policy", want, statements(p["KeyPolicy"])),
		differ("rotation", true, p["EnableKeyRotation"]),
		differ("waiting time", 30.0, p["PendingWindowInDays"]),
		differ("on deletion", "RetainExceptOnCreate", s.resource(id)["DeletionPolicy"]),
		differ("on replacement", "Retain", s.resource(id)["UpdateReplacePolicy"]),
		differ("alias", object{"AliasName": "alias/tokens", "TargetKeyId": s.physical(id)}, alias))
}

// checkQueue: encrypted, as long as can be, over TLS only.
func checkQueue(s *stack) []string {
	p := s.properties(s.only("AWS::SQS::Queue"))
	policy := s.properties(s.only("AWS::SQS::QueuePolicy"))
	var managed any
	if s.key() == nil {
		managed = true
	}
	return slices.Concat(
		differ("queue's key", s.key(), p["KmsMasterKeyId"]),
		differ("queue under a key of SQS", managed, p["SqsManagedSseEnabled"]),
		differ("queue's retention", 14*24*60*60, number(p["MessageRetentionPeriod"])),
		differ("queue of the policy", []any{s.ref("DeadLetters")}, policy["Queues"]),
		compare("queue policy", []string{grant("Deny", "*", "sqs:*", queueARN, `{"Bool":{"aws:SecureTransport":"false"}}`)}, statements(policy["PolicyDocument"])))
}

// knownActions are all actions of IAM, by service, in lower case; cfn-lint
// brings the list.
var knownActions = sync.OnceValues(func() (map[string]struct{ Actions map[string]any }, error) {
	paths, err := filepath.Glob(filepath.Join(root, ".venv/lib/python3*/site-packages/cfnlint/data/AdditionalSpecs/Policies.json"))
	if err != nil || len(paths) != 1 {
		return nil, fmt.Errorf("expected cfn-lint's list of IAM actions in .venv, found %v; run make setup", paths)
	}
	text, err := os.ReadFile(paths[0])
	if err != nil {
		return nil, err
	}
	var known map[string]struct{ Actions map[string]any }
	return known, json.Unmarshal(text, &known)
})

// checkActionsExist: IAM accepts a mistyped action and then allows nothing.
func checkActionsExist(s *stack) (findings []string) {
	known, err := knownActions()
	if err != nil {
		return []string{err.Error()}
	}
	var actions []string
	for _, id := range s.ids("") {
		actions = append(actions, actionsIn(s.properties(id))...)
	}
	for _, action := range actions {
		if action == "kms:*" || action == "sqs:*" {
			continue // the account's own key policy and the queue's denial, both checked above
		}
		action = strings.TrimSuffix(action, "*") // kms:GenerateDataKey*, as SNS documents it
		service, name, _ := strings.Cut(strings.ToLower(action), ":")
		if _, ok := known[service].Actions[name]; !ok {
			findings = append(findings, "IAM knows no action "+action)
		}
	}
	return findings
}

// actionsIn collects every Action of every statement, wherever it stands.
func actionsIn(v any) (actions []string) {
	switch v := v.(type) {
	case object:
		if _, ok := v["Effect"]; ok {
			return strs(v["Action"])
		}
		for _, item := range v {
			actions = append(actions, actionsIn(item)...)
		}
	case []any:
		for _, item := range v {
			actions = append(actions, actionsIn(item)...)
		}
	}
	return actions
}
