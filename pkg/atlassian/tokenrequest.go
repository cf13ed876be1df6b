package atlassian

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// tokenRequest is the body of a token request, as Atlassian documents it.
type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Code         string `json:"code,omitempty"`
	RedirectURI  string `json:"redirect_uri,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// Exchange exchanges the authorization code of a consent for the first tokens of a
// new family. redirectURI must equal the one of the AuthorizeRequest; it is
// compared, not called. A code works once and for a few minutes.
//
// The error is an *Error. RestartConsent: the code cannot be used any more.
// Transient: the code is not used up. Ambiguous: the family may exist, but its
// tokens are lost, so the user must consent again.
func (c *Client) Exchange(ctx context.Context, app App, code Secret, redirectURI string) (Token, error) {
	const whatNext = "copy the whole value of the parameter code from the address to which the browser returned"
	err := checkInput("authorization code", code.Reveal(), whatNext)
	if err == nil {
		err = CheckRedirectURI(redirectURI)
	}
	if err != nil {
		return Token{}, invalid(opExchange, err)
	}
	return c.token(ctx, opExchange, app, tokenRequest{
		GrantType: "authorization_code", Code: code.Reveal(), RedirectURI: redirectURI,
	})
}

// Refresh presents a refresh token, which spends it, and returns its successor. It
// sends at most one request, also after a failure. The caller decides whether to
// present a token again, because after the reuse interval the same request kills
// the family.
//
// The error is an *Error, and its Class says what happened to the token. Save
// Token.Refresh before you do anything else. If it is empty, the answer had none or
// the presented one, which stays valid as far as is known. If Token.Access is empty, the
// answer had no usable one: the one before lives on, and a later request yields another.
func (c *Client) Refresh(ctx context.Context, app App, refresh Secret) (Token, error) {
	const whatNext = "give the token exactly as Atlassian issued it, or ask the account's owner to consent again"
	if err := checkInput("refresh token", refresh.Reveal(), whatNext); err != nil {
		return Token{}, invalid(opRefresh, err)
	}
	return c.token(ctx, opRefresh, app, tokenRequest{
		GrantType: "refresh_token", RefreshToken: refresh.Reveal(),
	})
}

// token makes one token request.
func (c *Client) token(ctx context.Context, o op, app App, body tokenRequest) (Token, error) {
	base, err := baseURL("AuthURL", c.AuthURL, DefaultAuthURL)
	if err == nil {
		err = checkApp(app)
	}
	if err != nil {
		return Token{}, invalid(o, err)
	}
	body.ClientID, body.ClientSecret = app.ClientID, app.ClientSecret.Reveal()
	encoded, err := json.Marshal(body)
	if err != nil {
		return Token{}, invalid(o, reason("the token request cannot be written as JSON"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/oauth/token", nil)
	if err != nil {
		return Token{}, invalid(o, reason("the AuthURL is not a valid address: correct it"))
	}
	p := new(progress)
	req.Body = &onceBody{strings.NewReader(string(encoded)), p}
	req.ContentLength = int64(len(encoded))
	req.Close = true // a caller's transport may keep connections
	req.Header.Set("Content-Type", "application/json")
	return c.tokenAnswer(o, c.do(req, p), NewSecret(body.RefreshToken))
}

// tokenAnswer judges the outcome of a token request that presented a refresh token, or none.
func (c *Client) tokenAnswer(o op, r reply, presented Secret) (Token, error) {
	e := evidence{op: o, reach: r.reach, status: r.status}
	cause := r.err
	var token Token
	if r.status/100 == 2 {
		// A body that broke off after a complete object contains a complete pair.
		var err error
		token, err = parseToken(r.body, r.err == nil, presented, r.header.Get("Date"))
		if token.Refresh == presented {
			token.Refresh = Secret{} // it is no successor, and says no more than a missing one
		}
		if err == nil && token.Access.IsZero() && (token.Refresh.IsZero() || o == opExchange) {
			err = errNoAccess // a consent could not check its scopes: the person consents again
		}
		e.usable = err == nil
		if cause == nil {
			cause = err
		}
	} else if r.err == nil {
		e.code = errorCode(r.body)
	}
	class, ok := classify(e)
	if ok {
		return token, nil
	}
	return Token{}, c.failure(o, class, r, e.code, cause)
}
