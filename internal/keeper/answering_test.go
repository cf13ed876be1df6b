package keeper_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// answering lets somebody answer token requests in Atlassian's place: a status and a body for the
// refresh token that is presented. A status of 0 leaves the request to the emulator.
func answering(w *world, by func(token string) (status int, body string)) {
	w.client.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var q struct {
			Refresh string `json:"refresh_token"`
		}
		if json.Unmarshal(b, &q) == nil && q.Refresh != "" {
			if status, body := by(q.Refresh); status != 0 {
				return answer(r, status, []byte(body)), nil
			}
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		return http.DefaultTransport.RoundTrip(r)
	})}
}
