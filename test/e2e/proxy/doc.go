// Package proxy is an HTTP proxy that stands between a program under test and one
// real server. It records every call, counts the calls of each operation, and
// interferes with chosen ones. A [Rule] sees a call before it is forwarded and
// after it was answered. It can delay or lose the call, answer in the server's
// place, change the answer, or kill the program at that moment.
//
// What a program sent is forwarded even if the program dies meanwhile, as it
// would be on a real network.
package proxy
