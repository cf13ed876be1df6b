package template

import (
	"maps"
	"slices"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
)

const (
	bootstrapARN     = "arn:aws:lambda:eu-west-1:111122223333:function:tokens-bootstrap"
	bootstrapLogsARN = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/tokens-bootstrap"
)

// checkBootstrapGrants: exact names, and deletion of nothing but the lock and
// what a consent itself leaves.
func checkBootstrapGrants(s *stack) []string {
	want := []string{
		grant("Allow", "-", "logs:CreateLogStream", bootstrapLogsARN+":*", ""),
		grant("Allow", "-", "logs:PutLogEvents", bootstrapLogsARN+":*", ""),
	}
	if s.key() != nil {
		want = append(want, grant("Allow", "-", "kms:Decrypt", keyARN, `{"StringEquals":{"kms:EncryptionContext:aws:lambda:FunctionArn":"`+bootstrapARN+`"}}`))
	}
	var encrypted []string
	for _, connection := range s.prefixes() {
		n, ledger := family.NamesOf(connection), s.ledger(connection)
		for _, g := range []struct {
			action string
			names  []string
		}{
			{"ssm:GetParameters", []string{n.ClientID, n.ClientSecret, ledger, n.RefreshToken, n.AccessToken, n.Family, n.CloudID, n.Lock, n.ConsentState, n.ConsentTokens}},
			{"ssm:GetParameterHistory", []string{ledger, n.RefreshToken, n.AccessToken, n.Family, n.Lock}},
			{"ssm:PutParameter", []string{n.ClientID, n.ClientSecret, ledger, n.RefreshToken, n.AccessToken, n.Family, n.CloudID, n.Lock, n.ConsentState, n.ConsentTokens}},
			{"ssm:DeleteParameter", []string{n.Lock, n.ConsentState, n.ConsentTokens}},
		} {
			for _, name := range g.names {
				want = append(want, grant("Allow", "-", g.action, parameterARN(name), ""))
			}
		}
		for _, name := range []string{n.ClientID, n.ClientSecret, ledger, n.RefreshToken, n.AccessToken, n.Lock, n.ConsentState, n.ConsentTokens} {
			encrypted = append(encrypted, parameterARN(name))
		}
	}
	return compare("BootstrapRole", slices.Concat(want, s.parametersKeyGrants(encrypted), s.listGrants()), s.grantsOf("BootstrapRole"))
}

func checkBootstrap(s *stack) []string {
	findings := s.function("Bootstrap", 2)
	for _, resource := range []string{"AWS::Lambda::Function", "AWS::Logs::LogGroup"} {
		want := []string{"BootstrapFunction", "RefresherFunction"}
		if resource == "AWS::Logs::LogGroup" {
			want = []string{"BootstrapLogGroup", "LogGroup"}
		}
		findings = append(findings, compare(resource, want, s.ids(resource))...)
	}
	group := s.properties("BootstrapLogGroup")
	variables := at(s.properties("BootstrapFunction"), "Environment", "Variables").(object)
	refresher := at(s.properties("RefresherFunction"), "Environment", "Variables").(object)
	for name, value := range variables {
		if same, ok := refresher[name]; ok {
			findings = append(findings, differ(name+" of the two functions", same, value)...)
		}
	}
	return slices.Concat(findings,
		compare("variables", readVariables("bootstrap"), slices.Collect(maps.Keys(variables))),
		differ("CONSENT_ORGANIZATION", s.values["ConsentOrganization"], variables["CONSENT_ORGANIZATION"]),
		differ("CONSENT_CONTACT", s.values["ConsentContact"], variables["CONSENT_CONTACT"]),
		differ("HOSTED_CONSENT", s.values["HostedConsent"], variables["HOSTED_CONSENT"]),
		differ("the group's key", s.key(), group["KmsKeyId"]),
		differ("its name", "/aws/lambda/tokens-bootstrap", group["LogGroupName"]),
		differ("its retention", number(s.values["LogRetentionDays"]), number(group["RetentionInDays"])),
		differ("the function's logging", object{"LogFormat": "JSON", "LogGroup": "/aws/lambda/tokens-bootstrap"}, s.properties("BootstrapFunction")["LoggingConfig"]))
}

// checkURL: there is a URL only if it is asked for. It lets the public send
// requests over it, and nothing else.
func checkURL(s *stack) (findings []string) {
	urls, permissions := s.ids("AWS::Lambda::Url"), s.ids("AWS::Lambda::Permission")
	if s.values["HostedConsent"] != "true" {
		return slices.Concat(compare("URLs", nil, urls), compare("permissions", nil, permissions))
	}
	want := object{"TargetFunctionArn": bootstrapARN, "AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"}
	findings = slices.Concat(compare("URLs", []string{"BootstrapUrl"}, urls), differ("the URL", want, s.properties("BootstrapUrl")),
		compare("permissions", []string{"BootstrapUrlInvokes", "BootstrapUrlIsPublic"}, permissions))
	return slices.Concat(findings,
		differ("who may send requests", object{"FunctionName": "tokens-bootstrap", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"},
			s.properties("BootstrapUrlIsPublic")),
		differ("what they invoke", object{"FunctionName": "tokens-bootstrap", "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true},
			s.properties("BootstrapUrlInvokes")))
}
