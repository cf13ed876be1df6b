package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// AWS names the operation of an AWS request in the JSON, query and CBOR
// protocols: "GetParameters", "PutMetricData".
func AWS(r *http.Request, body []byte) string {
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return operation
	}
	if _, operation, ok := strings.Cut(r.URL.Path, "/operation/"); ok {
		return operation
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return form.Get("Action")
	}
	return Path(r, body)
}

// Path names a request after its method and path: "POST /oauth/token".
func Path(r *http.Request, _ []byte) string { return r.Method + " " + r.URL.Path }
