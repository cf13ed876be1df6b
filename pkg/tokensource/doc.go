// Package tokensource gives Go programs the access token that tokenkeeper keeps
// alive, as an [golang.org/x/oauth2.TokenSource]:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	source := tokensource.FromParameterStore(ssm.NewFromConfig(cfg), "PSOXY_JIRA_CLOUD_")
//	client := source.Client() // an *http.Client, for any Jira library
//
// It is a module of its own, so that the rest of tokenkeeper needs neither this
// SDK nor oauth2.
//
// # What it does
//
// It reads the parameter ACCESS_TOKEN of a connection and keeps the token in
// memory for at most five minutes, and never beyond the token's own life. It
// understands both forms of the parameter: the bare token, and psoxy's JSON. A
// server's 401 makes it read once more before the answer is believed.
//
// # What it never does
//
// It never reads, presents or writes a refresh token: a refresh token works
// once, and two programs that rotate one family end it. tokenkeeper alone
// rotates. So a reader needs the right to read ACCESS_TOKEN and CLOUD_ID and
// nothing else; docs/consumers.md has the policy.
//
// # Other wrappers
//
// The Expiry of a returned token is the moment at which to ask this source
// again, which is earlier than the end of the token's life. So the cache of
// [golang.org/x/oauth2.NewClient] and of
// [golang.org/x/oauth2.ReuseTokenSource] keeps a token no longer than this
// source does. Neither reads again after a 401: prefer [Source.Client], or call
// [Source.Invalidate].
//
// An oauth2.Token holds the token in clear text, and printing it shows the
// token. A Source, a Transport and every error of this package can be printed.
package tokensource
