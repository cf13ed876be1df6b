package lambdaruntime

import (
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// InvokeAPI serves Lambda's Invoke for the function. A client of AWS's SDK finds it by
// AWS_ENDPOINT_URL_LAMBDA. timeout limits one invocation. Another function name is
// answered with ResourceNotFoundException.
func (r *Runtime) InvokeAPI(timeout time.Duration) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if req.PathValue("name") != r.cfg.Name {
			serviceError(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found")
			return
		}
		event, err := io.ReadAll(io.LimitReader(req.Body, maxPayload))
		if err != nil {
			serviceError(w, http.StatusBadRequest, "InvalidRequestContentException", "the event did not arrive completely")
			return
		}
		result, err := r.Invoke(req.Context(), event, timeout)
		if err != nil {
			serviceError(w, http.StatusInternalServerError, "ServiceException", err.Error())
			return
		}
		w.Header().Set("X-Amz-Executed-Version", "$LATEST")
		payload := result.Payload
		if result.Error != nil {
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			if payload == nil {
				payload, _ = json.Marshal(result.Error)
			}
		}
		_, _ = w.Write(payload)
	})
	return mux
}

func serviceError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Message": message})
}
