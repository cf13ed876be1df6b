package keeper_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sequence answers token requests, each with the next one of its answers, a status and an
// error code such as "400 invalid_grant". One that ends with ! is in the place of an answer
// that was committed. Then requests are passed on.
type sequence struct {
	answers []string
	asked   int
}

// RoundTrip implements http.RoundTripper.
func (s *sequence) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/oauth/token" {
		return http.DefaultTransport.RoundTrip(r)
	}
	if s.asked++; len(s.answers) == 0 {
		return http.DefaultTransport.RoundTrip(r)
	}
	next, commits := strings.CutSuffix(s.answers[0], "!")
	s.answers = s.answers[1:]
	if commits {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	text, code, _ := strings.Cut(next, " ")
	status, err := strconv.Atoi(text)
	body := ""
	if code != "" {
		body = fmt.Sprintf(`{"error":%q}`, code)
	}
	return answer(r, status, []byte(body)), err
}

func answer(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		ContentLength: -1, Body: io.NopCloser(bytes.NewReader(body))}
}

// rewriter changes the members of each token pair on its way. A refresh token that it gave
// another form is presented in its own.
type rewriter struct {
	change func(n int, pair map[string]any)
	real   map[string]any
	n      int
}

// RoundTrip implements http.RoundTripper.
func (w *rewriter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/oauth/token" {
		return http.DefaultTransport.RoundTrip(r)
	}
	request, err := members(r.Body)
	if err != nil {
		return nil, err
	}
	if real, known := w.real[fmt.Sprint(request["refresh_token"])]; known {
		request["refresh_token"] = real
	}
	b, _ := json.Marshal(request)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	pair, err := members(resp.Body)
	if err != nil {
		return nil, err
	}
	real := pair["refresh_token"]
	w.change(w.n, pair)
	if w.n++; w.real == nil {
		w.real = map[string]any{}
	}
	w.real[fmt.Sprint(pair["refresh_token"])] = real
	b, _ = json.Marshal(pair)
	return answer(r, http.StatusOK, b), nil
}

func members(body io.ReadCloser) (m map[string]any, err error) {
	defer body.Close()
	return m, json.NewDecoder(body).Decode(&m)
}

// everyTwoMinutes ticks for a time, as the schedule does.
func everyTwoMinutes(w *world, during time.Duration) {
	for end := w.clock.Now().Add(during); w.clock.Now().Before(end); {
		begun := w.clock.Now()
		w.tick()
		w.clock.Advance(2*time.Minute - w.clock.Now().Sub(begun))
	}
}
