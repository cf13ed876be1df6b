package psoxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// AccessFormat is the form in which ACCESS_TOKEN is written.
type AccessFormat string

const (
	// Raw is the bare token: for psoxy as a reader, and for most consumers.
	Raw AccessFormat = "raw"
	// JSON is the form that psoxy writes and reads when it shares the
	// rotation: {"token":"…","expirationDate":<epoch milliseconds>}, no other field.
	JSON AccessFormat = "psoxy-json"
	// AsStored is the form that ACCESS_TOKEN has: JSON where psoxy or a person
	// wrote that, and otherwise Raw.
	AsStored AccessFormat = "auto"
)

// ParseAccessFormat reads the name of a format.
func ParseAccessFormat(name string) (AccessFormat, error) {
	switch f := AccessFormat(name); f {
	case Raw, JSON, AsStored:
		return f, nil
	}
	return "", fmt.Errorf("%q is no access token format: expected %q, %q or %q", name, AsStored, Raw, JSON)
}

// Or is the form to write: f, or with AsStored the one in which a value is stored. It is
// empty where neither tells.
func (f AccessFormat) Or(stored AccessFormat) AccessFormat {
	if f != AsStored && f != "" {
		return f
	}
	return stored
}

type accessToken struct {
	Token          string `json:"token"`
	ExpirationDate int64  `json:"expirationDate"`
}

// EncodeAccessToken gives the value of ACCESS_TOKEN in the format f.
func (f AccessFormat) EncodeAccessToken(token atlassian.Secret, expires time.Time) atlassian.Secret {
	if f != JSON {
		return token
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	// A struct of a string and an integer always encodes.
	_ = enc.Encode(accessToken{token.Reveal(), expires.UnixMilli()})
	return atlassian.NewSecret(bytes.TrimSuffix(buf.Bytes(), []byte("\n")))
}

// byteOrderMark is what some editors write before a text.
const byteOrderMark = "\ufeff"

// DecodeAccessToken reads ACCESS_TOKEN in whichever form it is; expires is zero
// where the form does not say, or no plausible time. An object with a "token" is psoxy's,
// also if it is damaged: then the token is the value as it stands. An empty value, and any
// other object, has no form.
func DecodeAccessToken(value atlassian.Secret) (token atlassian.Secret, expires time.Time, form AccessFormat) {
	if value.IsZero() {
		return value, time.Time{}, ""
	}
	var stack [1024]byte
	text := bytes.TrimSpace(bytes.TrimPrefix(value.AppendReveal(stack[:0]), []byte(byteOrderMark)))
	switch {
	case !bytes.HasPrefix(text, []byte("{")):
		return value, time.Time{}, Raw
	case !bytes.Contains(text, []byte(`"token"`)):
		return value, time.Time{}, ""
	}
	var p accessToken
	if json.Unmarshal(text, &p) != nil || p.Token == "" {
		return value, time.Time{}, JSON
	}
	if at := time.UnixMilli(p.ExpirationDate).UTC(); at.Year() >= 2000 && at.Year() < 3000 {
		expires = at
	}
	return atlassian.NewSecret(p.Token), expires, JSON
}
