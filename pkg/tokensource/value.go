package tokensource

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

// placeholder is the value of parameters that psoxy's Terraform creates and a person
// must fill.
const placeholder = "fill me"

// errForm does not quote the value. The errors of encoding/json do.
var errForm = errors.New(`it begins with "{" and is not psoxy's {"token":"…","expirationDate":…}: store a bare token or that form`)

// plain returns a value without white space around it. The error wraps ErrNoToken.
func plain(value secret.Secret) (secret.Secret, error) {
	text := strings.TrimSpace(value.Reveal())
	if text == "" || strings.EqualFold(text, placeholder) {
		return secret.Secret{}, fmt.Errorf("%w: run `tokenkeeper authorize`, or correct the connection's name", ErrNoToken)
	}
	return secret.New(text), nil
}

// decode reads ACCESS_TOKEN in either form. expires is the earlier of the form's date
// and the token's own claim exp. It is zero if neither exists, since Atlassian
// documents tokens as opaque.
func decode(value secret.Secret) (token secret.Secret, expires time.Time, err error) {
	token, err = plain(value)
	if err != nil {
		return token, time.Time{}, err
	}
	if strings.HasPrefix(token.Reveal(), "{") {
		var form struct {
			Token          string `json:"token"`
			ExpirationDate int64  `json:"expirationDate"` // milliseconds since 1970
		}
		if json.Unmarshal([]byte(token.Reveal()), &form) != nil || form.Token == "" {
			return secret.Secret{}, time.Time{}, errForm
		}
		token, expires = secret.New(form.Token), plausible(time.UnixMilli(form.ExpirationDate))
	}
	if claims, ok := atlassian.Claims(token); ok {
		if own := plausible(claims.ExpiresAt); expires.IsZero() || !own.IsZero() && own.Before(expires) {
			expires = own
		}
	}
	return token, expires, nil
}

// plausible returns a time in UTC. It returns zero for a time that no token can have,
// such as seconds that were read as milliseconds.
func plausible(t time.Time) time.Time {
	if t.Year() < 2020 || t.Year() > 9999 {
		return time.Time{}
	}
	return t.UTC()
}
