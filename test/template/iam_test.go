package template

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

// The physical names that scenarios evaluate to.
const (
	keyARN      = "arn:aws:kms:eu-west-1:111122223333:key/tokens-Key"
	functionARN = "arn:aws:lambda:eu-west-1:111122223333:function:tokens-refresher"
	queueARN    = "arn:aws:sqs:eu-west-1:111122223333:tokens-DeadLetters"
	logGroupARN = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/tokens-refresher"
	viaQueue    = `{"StringEquals":{"kms:ViaService":"sqs.eu-west-1.amazonaws.com"}}`
)

// grant writes one permission as a line: a policy is the set of these.
func grant(effect, principal, action, resource, condition string) string {
	line := fmt.Sprintf("%s %s %s on %s", effect, principal, action, resource)
	if condition != "" {
		line += " if " + condition
	}
	return line
}

// statements splits a policy document into its permissions, one for each
// principal, action and resource.
func statements(document any) (lines []string) {
	for _, st := range document.(object)["Statement"].([]any) {
		st := st.(object)
		for key := range st {
			if !slices.Contains([]string{"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}, key) {
				lines = append(lines, "a statement with "+key)
			}
		}
		condition := ""
		if c, ok := st["Condition"]; ok {
			text, _ := json.Marshal(c)
			condition = string(text)
		}
		principals := []string{"-"}
		if p, ok := st["Principal"]; ok {
			principals = strs(p)
			if p, ok := p.(object); ok {
				principals = nil
				for kind, names := range p {
					for _, name := range strs(names) {
						principals = append(principals, kind+":"+name)
					}
				}
			}
		}
		resources := []string{"-"}
		if r, ok := st["Resource"]; ok {
			resources = strs(r)
		}
		for _, p := range principals {
			for _, a := range strs(st["Action"]) {
				for _, r := range resources {
					lines = append(lines, grant(fmt.Sprint(st["Effect"]), p, a, r, condition))
				}
			}
		}
	}
	return lines
}

// grantsOf is everything that a role's policies say: its own and the managed
// ones that name it.
func (s *stack) grantsOf(role string) (lines []string) {
	for _, document := range s.policiesOf(role) {
		lines = append(lines, statements(document)...)
	}
	return lines
}

// parameterARN of a whole parameter name: the slash that begins a name with a
// path is the one after "parameter".
func parameterARN(name string) string {
	return "arn:aws:ssm:eu-west-1:111122223333:parameter/" + strings.TrimPrefix(name, "/")
}

func checkRefresherGrants(s *stack) []string {
	namespace, _ := json.Marshal(object{"StringEquals": object{"cloudwatch:namespace": s.namespace()}})
	want := []string{
		grant("Allow", "-", "logs:CreateLogStream", logGroupARN+":*", ""),
		grant("Allow", "-", "logs:PutLogEvents", logGroupARN+":*", ""),
		// The one wildcard: PutMetricData knows no resources.
		grant("Allow", "-", "cloudwatch:PutMetricData", "*", string(namespace)),
		grant("Allow", "-", "sqs:SendMessage", queueARN, ""),
	}
	if s.key() != nil {
		want = append(want,
			grant("Allow", "-", "kms:Decrypt", keyARN, `{"StringEquals":{"kms:EncryptionContext:aws:lambda:FunctionArn":"`+functionARN+`"}}`),
			grant("Allow", "-", "kms:Decrypt", keyARN, viaQueue),
			grant("Allow", "-", "kms:GenerateDataKey", keyARN, viaQueue))
	}
	var encrypted []string
	for _, connection := range s.prefixes() {
		n := family.NamesOf(connection)
		ledger := s.ledger(connection)
		for _, name := range []string{n.ClientID, n.ClientSecret, ledger, n.RefreshToken, n.AccessToken, n.Family, n.Lock} {
			want = append(want,
				grant("Allow", "-", "ssm:GetParameters", parameterARN(name), ""),
				grant("Allow", "-", "ssm:GetParameterHistory", parameterARN(name), ""))
		}
		for _, name := range []string{ledger, n.RefreshToken, n.AccessToken, n.Family, n.Lock} {
			want = append(want, grant("Allow", "-", "ssm:PutParameter", parameterARN(name), ""))
		}
		want = append(want, grant("Allow", "-", "ssm:DeleteParameter", parameterARN(n.Lock), ""))
		for _, name := range []string{n.ClientID, n.ClientSecret, ledger, n.RefreshToken, n.AccessToken, n.Lock} {
			encrypted = append(encrypted, parameterARN(name))
		}
	}
	want = slices.Concat(want, s.parametersKeyGrants(encrypted), s.listGrants())
	return compare("RefresherRole", want, s.grantsOf("RefresherRole"))
}

func checkSchedulerGrants(s *stack) []string {
	want := []string{
		grant("Allow", "-", "lambda:InvokeFunction", functionARN, ""),
		grant("Allow", "-", "sqs:SendMessage", queueARN, ""),
	}
	if s.key() != nil {
		want = append(want, grant("Allow", "-", "kms:Decrypt", keyARN, viaQueue), grant("Allow", "-", "kms:GenerateDataKey", keyARN, viaQueue))
	}
	return compare("SchedulerRole", want, s.grantsOf("SchedulerRole"))
}

func checkTrust(s *stack) (findings []string) {
	want := map[string]string{
		"BootstrapRole": grant("Allow", "Service:lambda.amazonaws.com", "sts:AssumeRole", "-", ""),
		"RefresherRole": grant("Allow", "Service:lambda.amazonaws.com", "sts:AssumeRole", "-", ""),
		"SchedulerRole": grant("Allow", "Service:scheduler.amazonaws.com", "sts:AssumeRole", "-",
			`{"ArnEquals":{"aws:SourceArn":"arn:aws:scheduler:eu-west-1:111122223333:schedule-group/tokens"},"StringEquals":{"aws:SourceAccount":"111122223333"}}`),
	}
	for _, role := range s.ids("AWS::IAM::Role") {
		findings = append(findings, compare(role, []string{want[role]}, statements(s.properties(role)["AssumeRolePolicyDocument"]))...)
	}
	return findings
}

// checkNoOtherPolicies: every policy there is belongs to a role whose grants
// are checked, and no role has policies from elsewhere.
func checkNoOtherPolicies(s *stack) (findings []string) {
	roles := s.ids("AWS::IAM::Role")
	findings = compare("roles", []string{"BootstrapRole", "RefresherRole", "SchedulerRole"}, roles)
	for _, role := range roles {
		findings = append(findings, compare(role+"'s managed policies", nil, strs(s.properties(role)["ManagedPolicyArns"]))...)
	}
	for _, id := range s.ids("AWS::IAM::ManagedPolicy") {
		p := s.properties(id)
		of := []string{s.physical("RefresherRole")}
		if strings.HasPrefix(id, "Bootstrap") {
			of = []string{s.physical("BootstrapRole")}
		} else if id == "ReadsUnderPreviousKeys" {
			of = append(of, s.physical("BootstrapRole"))
		}
		findings = append(findings, compare(id+"'s roles", of, strs(p["Roles"]))...)
		findings = append(findings, compare(id+"'s users and groups", nil, append(strs(p["Users"]), strs(p["Groups"])...))...)
	}
	for _, other := range []string{"AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::User"} {
		findings = append(findings, compare(other, nil, s.ids(other))...)
	}
	return findings
}

// checkPolicySizes: IAM refuses managed policies of more than 6144 characters
// and inline ones of more than 10240 together.
func checkPolicySizes(s *stack) (findings []string) {
	size := func(document any) int {
		text, _ := json.Marshal(document)
		return len(text)
	}
	for _, id := range s.ids("AWS::IAM::ManagedPolicy") {
		if n := size(s.properties(id)["PolicyDocument"]); n > 6144 {
			findings = append(findings, fmt.Sprintf("%s has %d characters: expected 6144 at most", id, n))
		}
	}
	for _, role := range s.ids("AWS::IAM::Role") {
		if n := size(s.properties(role)["Policies"]); n > 10240 {
			findings = append(findings, fmt.Sprintf("%s's inline policies have %d characters: expected 10240 at most", role, n))
		}
	}
	return findings
}
