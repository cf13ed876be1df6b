package atlassian

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"strings"
)

// tokenMembers are the members of a token answer that are read.
var tokenMembers = []string{"refresh_token", "access_token", "expires_in", "scope"}

// scannedMembers finds the members of a token answer in a body that is no JSON object with a
// successor: one of its members is no JSON, or the object is quoted, escaped or encoded. nil: it
// has no successor of the presented token, however it is read.
func scannedMembers(body []byte, whole bool, presented Secret) map[string]json.RawMessage {
	text := string(bytes.ReplaceAll(body, []byte{0}, nil)) // UTF-16 without a mark
	decoded, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	for _, variant := range []string{text, strings.ReplaceAll(text, `\"`, `"`), html.UnescapeString(text), string(decoded)} {
		if fields := scanned(variant, presented); fields["refresh_token"] != nil {
			return fields
		}
	}
	if end := strings.LastIndexByte(text, '&'); !whole { // the last value may be cut off
		text = text[:max(end, 0)]
	}
	return form(text, presented)
}

// scanned reads the first usable value of each member in a text.
func scanned(text string, presented Secret) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	for _, name := range tokenMembers {
		for rest, found := text, true; found && fields[name] == nil; {
			if _, rest, found = strings.Cut(rest, `"`+name+`"`); !found {
				break
			}
			value, isMember := strings.CutPrefix(strings.TrimLeft(rest, " \t\r\n"), ":")
			var raw json.RawMessage
			if !isMember || json.NewDecoder(strings.NewReader(value)).Decode(&raw) != nil {
				continue
			}
			if token, ok := tokenMember(raw); name != "refresh_token" || ok && token != "" && NewSecret(token) != presented {
				fields[name] = raw
			}
		}
	}
	return fields
}

// form reads a form-encoded answer; nil where it has no successor.
func form(text string, presented Secret) map[string]json.RawMessage {
	values, err := url.ParseQuery(strings.TrimSpace(text))
	if token := values.Get("refresh_token"); err != nil || token == "" || NewSecret(token) == presented {
		return nil
	}
	fields := map[string]json.RawMessage{}
	for _, name := range tokenMembers {
		if value := values.Get(name); value != "" {
			fields[name], _ = json.Marshal(value) // a text encodes always
		}
	}
	return fields
}
