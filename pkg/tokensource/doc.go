// Package tokensource gives Go programs the access token that tokenkeeper keeps
// alive, as an [golang.org/x/oauth2.TokenSource]:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	source := tokensource.FromParameterStore(ssm.NewFromConfig(cfg), "PSOXY_JIRA_CLOUD_")
//	client := source.Client() // an *http.Client, for any Jira library
//
// It is a module of its own. So the rest of tokenkeeper needs neither this SDK nor
// oauth2.
//
// # What it does
//
// It reads the parameter ACCESS_TOKEN of a connection. It keeps the token in memory
// for at most five minutes and never beyond the token's own life. It reads both
// forms of the parameter: the bare token, and psoxy's JSON. If a server answers 401,
// it reads once more before it returns the answer.
//
// # What it never does
//
// It never reads, presents or writes a refresh token. A refresh token works once,
// and two programs that rotate one token family kill it. Only tokenkeeper rotates.
// So a reader needs only the right to read ACCESS_TOKEN and CLOUD_ID;
// docs/consumers.md has the policy.
//
// # Other wrappers
//
// The Expiry of a returned token says when to ask this source again. That is earlier
// than the end of the token's life. So [golang.org/x/oauth2.NewClient] and
// [golang.org/x/oauth2.ReuseTokenSource] cache a token no longer than this source
// does. They do not read again after a 401: prefer [Source.Client], or call
// [Source.Invalidate].
//
// An oauth2.Token contains the token in clear text, and a printer shows it. A Source,
// a Transport and every error of this package can be printed safely.
package tokensource
