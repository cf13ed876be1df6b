package main

import (
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
)

// kept looks at the connections.
func (f facts) kept(add adder) {
	level := [...]result{resultOK, resultWarn, resultFail}
	reading := "have ssm:GetParameters and kms:Decrypt granted, or ask by tokenkeeper status --function NAME"
	if f.google != nil {
		reading = "have secretmanager.versions.access and versions.get granted on its secrets"
	}
	for _, r := range f.unseen {
		add(r.Connection, resultFail, reading, "%s", r.Reason)
		if f.google != nil {
			f.google.examineSecrets(r.Connection, add)
		}
	}
	for _, s := range f.connections {
		v := s.Verdict()
		add(s.Connection, level[v.Level], v.Do, "%s", v.Line)
		for _, also := range v.Also {
			add(s.Connection, resultWarn, v.Do, "%s", also)
		}
		if len(s.Denied) > 0 {
			add(s.Connection+" parameters", resultWarn, reading, "these may not be read, and are not looked at: %s", strings.Join(s.Denied, ", "))
		} else if missing := absent(s); s.Exists && len(missing) > 0 && v.State != health.AwaitingConsent {
			add(s.Connection+" parameters", resultWarn, "the next tick publishes copies; a missing CLOUD_ID comes with a consent", "there is no %s", strings.Join(missing, ", "))
		} else if s.Exists {
			add(s.Connection+" parameters", resultOK, "", "present, encrypted, well formed")
		}
		f.format(s, add)
		callback(s, f.stack, add)
		if f.google != nil {
			f.google.examineSecrets(s.Connection, add)
		}
	}
}

// absent are the parameters that a kept connection should have and does not.
func absent(s health.Survey) (missing []string) {
	for _, p := range []struct {
		name  string
		there bool
	}{
		{"CLIENT_ID", !s.ClientID.Value.IsZero()}, {"CLIENT_SECRET", !s.ClientSecret.Value.IsZero()}, {"REFRESH_TOKEN", !s.RefreshToken.Value.IsZero()},
		{"ACCESS_TOKEN", !s.AccessToken.Value.IsZero()}, {"TOKEN_FAMILY", s.Told() != nil}, {"CLOUD_ID", !s.CloudID.Value.IsZero()},
	} {
		if !p.there {
			missing = append(missing, p.name)
		}
	}
	return missing
}

// format compares the form that consumers find with the one that ticks write.
func (f facts) format(s health.Survey, add adder) {
	configured := psoxy.AsStored
	if f.stack != nil {
		configured = formatOf(f.stack.parameters["AccessTokenFormat"], s.Connection)
	}
	name := s.Connection + " format"
	switch stored := s.AccessFormat; {
	case s.AccessToken.Value.IsZero():
	case configured != psoxy.AsStored && configured != stored:
		add(name, resultWarn, "set AccessTokenFormat to what the consumer reads: raw, or psoxy-json where psoxy rotates too", "ACCESS_TOKEN is %s, and ticks write %s", stored, configured)
	case stored == psoxy.JSON:
		add(name, resultWarn, "let psoxy read only: docs/psoxy.md says how", "ACCESS_TOKEN is psoxy-json, so psoxy rotates too, and can present an old token")
	default:
		add(name, resultOK, "", "ACCESS_TOKEN is the bare token")
	}
}

// formatOf reads the template's AccessTokenFormat for one connection.
func formatOf(parameter, connection string) psoxy.AccessFormat {
	format := psoxy.AsStored
	for item := range strings.SplitSeq(parameter, ",") {
		prefix, name, one := strings.Cut(item, "=")
		if !one && prefix != "" {
			format = psoxy.AccessFormat(prefix)
		} else if one && prefix == connection {
			return psoxy.AccessFormat(name)
		}
	}
	return format
}

// callback says where the next consent comes back to.
func callback(s health.Survey, stack *stackFacts, add adder) {
	r, name := s.Record(), s.Connection+" callback"
	hosted := ""
	if stack != nil {
		hosted = stack.outputs["ConsentCallbackUrl"]
	}
	switch {
	case r.AuthorizedAt.IsZero():
	case r.RedirectURI == "":
		add(name, resultWarn, "give --redirect-uri to the next tokenkeeper authorize, exactly as it is registered; it is remembered", "the app's callback URL is not known: no consent was given by tokenkeeper")
	case strings.HasPrefix(r.RedirectURI, "https://") && hosted != "" && r.RedirectURI != hosted:
		add(name, resultWarn, "register "+hosted+" with the app, and give it by --redirect-uri", "the last consent came back to %s, which is not this stack's", r.RedirectURI)
	default:
		add(name, resultOK, "", "the next consent comes back to %s", r.RedirectURI)
	}
}
