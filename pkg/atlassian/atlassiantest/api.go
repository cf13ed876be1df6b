package atlassiantest

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// bearerToken returns the request's bearer token, or an empty one.
func bearerToken(r *http.Request) atlassian.Secret {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return atlassian.Secret{}
	}
	return atlassian.NewSecret(strings.TrimSpace(token))
}

// answerRefusal sends a RefusalError in the API's form, or else a 500.
func answerRefusal(w http.ResponseWriter, err error) {
	refusal := &RefusalError{Status: http.StatusInternalServerError, Description: "Internal Server Error"}
	errors.As(err, &refusal)
	answerAPIError(w, refusal.Status, refusal.Description)
}

// resources answers GET /oauth/token/accessible-resources.
func (h *front) resources(w http.ResponseWriter, r *http.Request) {
	list, err := h.e.AccessibleResources(bearerToken(r))
	if err != nil {
		answerRefusal(w, err)
		return
	}
	answerJSON(w, http.StatusOK, list)
}

// me answers GET /me, which needs read:me and the User Identity API.
func (h *front) me(w http.ResponseWriter, r *http.Request) {
	info, err := h.e.ValidateAccess(bearerToken(r))
	if err == nil && !info.Has("read:me") {
		err = refusedScope
	}
	if err != nil {
		answerRefusal(w, err)
		return
	}
	h.e.mu.Lock()
	acc := h.e.accounts[info.AccountID].Account
	h.e.mu.Unlock()
	answerJSON(w, http.StatusOK, map[string]any{
		"account_type": "atlassian", "account_id": acc.ID, "account_status": "active",
		"email": acc.Email, "name": acc.Name, "nickname": acc.Name,
	})
}
