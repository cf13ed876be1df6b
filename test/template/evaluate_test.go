package template

import (
	"regexp"
	"slices"
	"strings"
)

// request is one call as IAM sees it.
type request struct {
	// principal is an ARN; it is looked at in policies of resources only.
	principal, action, resource string
	// context are the condition keys that the call has.
	context map[string]string
}

// decision is what the statements of one policy say of a request. The rest of
// IAM's evaluation is up to the test: a denial wins, and without an allowance
// nothing is allowed (IAM User Guide, "Policy evaluation logic").
type decision struct{ allows, denies bool }

// decide evaluates policy documents together. It panics at an unknown part of a
// statement, so that no policy is judged by guessing.
func decide(r request, documents ...any) (d decision) {
	for _, document := range documents {
		for _, st := range document.(object)["Statement"].([]any) {
			st := st.(object)
			if !applies(st, r) {
				continue
			}
			switch st["Effect"] {
			case "Allow":
				d.allows = true
			case "Deny":
				d.denies = true
			default:
				panic(fault("a statement without an effect"))
			}
		}
	}
	return d
}

// applies tells whether a statement speaks of the request.
func applies(st object, r request) bool {
	for key, value := range st {
		ok := true
		switch key {
		case "Sid", "Effect":
		case "Principal":
			ok = isAbout(value, r.principal)
		case "Action":
			ok = anyMatches(strs(value), r.action, strings.EqualFold)
		case "NotAction":
			ok = !anyMatches(strs(value), r.action, strings.EqualFold)
		case "Resource":
			ok = anyMatches(strs(value), r.resource, nil)
		case "NotResource":
			ok = !anyMatches(strs(value), r.resource, nil)
		case "Condition":
			ok = holds(value.(object), r.context)
		default:
			panic(fault("a statement's " + key + " is not known here"))
		}
		if !ok {
			return false
		}
	}
	return true
}

// isAbout matches a Principal of AWS's kind, by its whole ARN.
func isAbout(principal any, arn string) bool {
	if principal == "*" {
		return true
	}
	return slices.Contains(strs(at(principal, "AWS")), arn)
}

// holds evaluates a Condition: every key of every operator must.
func holds(condition object, context map[string]string) bool {
	for operator, keys := range condition {
		for key, values := range keys.(object) {
			value, there := context[key]
			var ok bool
			switch operator {
			case "StringEquals", "ArnEquals", "Bool":
				ok = there && slices.Contains(strs(values), value)
			case "StringNotEquals": // holds for a key that is not there
				ok = !there || !slices.Contains(strs(values), value)
			case "StringLike", "ArnLike":
				ok = there && anyMatches(strs(values), value, nil)
			default:
				panic(fault("the operator " + operator + " is not known here"))
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// anyMatches matches patterns with * and ?; same is how texts without them are
// compared, nil for exactly.
func anyMatches(patterns []string, text string, same func(a, b string) bool) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if same != nil && same(pattern, text) {
			return true
		}
		quoted := regexp.QuoteMeta(pattern)
		return regexp.MustCompile(`^` + strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted) + `$`).MatchString(text)
	})
}

// policiesOf are the documents of a role: its own and the managed ones.
func (s *stack) policiesOf(role string) (documents []any) {
	for _, policy := range s.properties(role)["Policies"].([]any) {
		documents = append(documents, at(policy, "PolicyDocument"))
	}
	for _, id := range s.ids("AWS::IAM::ManagedPolicy") {
		if p := s.properties(id); slices.Contains(strs(p["Roles"]), s.physical(role)) {
			documents = append(documents, p["PolicyDocument"])
		}
	}
	return documents
}
