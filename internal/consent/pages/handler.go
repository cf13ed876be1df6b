package pages

import (
	"context"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Service is what the pages ask for; *consent.Service is one.
type Service interface {
	// Look returns what a start link leads to.
	Look(ctx context.Context, link atlassian.Secret) (consent.Invitation, error)
	// Open ties a consent to the browser that follows its start link. The cookie is to be
	// set also with an error.
	Open(ctx context.Context, link, cookie atlassian.Secret) (consent.Opened, error)
	// Complete carries a consent to its end.
	Complete(ctx context.Context, r consent.CompleteRequest) (consent.Completed, error)
	// Status tells how the consents stand.
	Status(ctx context.Context, r consent.StatusRequest) (consent.Status, error)
}

// Cookies. The prefix __Host- makes browsers send them to this host only, over TLS,
// and other hosts of the domain cannot set them.
const (
	linkCookie    = "__Host-tokenkeeper-link"
	browserCookie = "__Host-tokenkeeper"
)

// Bounds of a request, in bytes.
const (
	maxTarget = 16 << 10
	maxForm   = 8 << 10
)

// isLink reports whether s has the form of a link's secret: 256 bits in base64.
func isLink(s string) bool {
	return len(s) == 43 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

type handler struct {
	service Service
	pages   map[string]*template.Template
	log     *slog.Logger
	now     func() time.Time
}

// New returns the handler of the pages, which speak for host. What happens goes to
// log, without the addresses of requests; now is the clock that remaining days are
// reckoned by.
func New(service Service, host Host, log *slog.Logger, now func() time.Time) http.Handler {
	h := &handler{service: service, pages: pagesFor(host), log: log, now: now}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.home)
	mux.HandleFunc("GET "+consent.StartPath, h.start)
	mux.HandleFunc("GET /go", h.leave)
	mux.HandleFunc("GET "+consent.CallbackPath, h.callback)
	mux.HandleFunc("POST "+consent.CallbackPath, h.decide)
	mux.HandleFunc("/", h.nothing)
	// A form that another site makes this browser send is refused.
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { h.show(w, http.StatusForbidden, "foreign", nil) }))
	return h.guard(sameOrigin.Handler(mux))
}

// guard bounds every request, heads every answer, and logs without addresses.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head(w.Header())
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodPost:
			// HEAD too: following a callback is no mere look.
			w.Header().Set("Allow", "GET, POST")
			h.show(w, http.StatusMethodNotAllowed, "nothing", nil)
		case len(r.URL.Path)+len(r.URL.RawQuery) > maxTarget:
			h.show(w, http.StatusRequestURITooLong, "nothing", nil)
		case path.Clean("/"+r.URL.Path) != r.URL.Path:
			// The mux would redirect to the clean path.
			h.show(w, http.StatusNotFound, "nothing", nil)
		case r.Header.Get("Sec-Purpose") != "":
			// A prefetch is not a visit.
			h.show(w, http.StatusForbidden, "foreign", nil)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			next.ServeHTTP(w, r)
		}
		h.log.Info("page", "method", r.Method, "pattern", r.Pattern)
	})
}

func (h *handler) home(w http.ResponseWriter, _ *http.Request) { h.show(w, http.StatusOK, "home", nil) }

func (h *handler) nothing(w http.ResponseWriter, _ *http.Request) {
	h.show(w, http.StatusNotFound, "nothing", nil)
}

// start takes a link's secret out of the address, where shoulders and screen
// shots are, and then shows what the link is about.
func (h *handler) start(w http.ResponseWriter, r *http.Request) {
	if link := r.URL.Query().Get(consent.LinkParameter); link != "" {
		if isLink(link) {
			setCookie(w, linkCookie, atlassian.NewSecret(link))
		}
		redirect(w, consent.StartPath)
		return
	}
	invitation, err := h.service.Look(r.Context(), cookie(r, linkCookie))
	if err != nil {
		h.problem(w, r, err, "")
		return
	}
	h.show(w, http.StatusOK, "start", startPage{invitation, "/go?" + url.Values{"connection": {invitation.Connection}}.Encode(), h.now()})
}

// leave sends the browser to Atlassian.
func (h *handler) leave(w http.ResponseWriter, r *http.Request) {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		h.show(w, http.StatusForbidden, "foreign", nil)
		return
	}
	link := cookie(r, linkCookie)
	invitation, err := h.service.Look(r.Context(), link)
	if err == nil && invitation.Connection != r.URL.Query().Get("connection") {
		// Another start link was opened in the meantime: show what it is about.
		redirect(w, consent.StartPath)
		return
	}
	var opened consent.Opened
	if err == nil {
		opened, err = h.service.Open(r.Context(), link, cookie(r, browserCookie))
	}
	if !opened.Browser.IsZero() {
		setCookie(w, browserCookie, opened.Browser)
	}
	if err != nil {
		h.problem(w, r, err, "")
		return
	}
	redirect(w, opened.AuthorizeURL)
}

// callback ends a consent. Its address is put together from where the function
// was really reached; a Host header plays no part.
func (h *handler) callback(w http.ResponseWriter, r *http.Request) {
	here := url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	h.complete(w, r, consent.CompleteRequest{RedirectURL: atlassian.NewSecret(here.String()), Page: true, Browser: cookie(r, browserCookie)})
}

// decide goes on with tokens that wait.
func (h *handler) decide(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		h.show(w, http.StatusRequestEntityTooLarge, "nothing", nil)
		return
	}
	h.complete(w, r, consent.CompleteRequest{Page: true, Browser: cookie(r, browserCookie), Consent: r.PostForm.Get("consent"),
		Connection: r.PostForm.Get("connection"), Site: r.PostForm.Get("site"), Confirm: r.PostForm.Get("confirm") == "yes"})
}

func (h *handler) complete(w http.ResponseWriter, r *http.Request, request consent.CompleteRequest) {
	done, err := h.service.Complete(r.Context(), request)
	if err != nil {
		h.problem(w, r, err, request.Site)
		return
	}
	h.show(w, http.StatusOK, "done", newDonePage(done, h.now()))
}

// problem shows why a request came to nothing, and what to do. site is the one
// that was chosen.
func (h *handler) problem(w http.ResponseWriter, r *http.Request, err error, site string) {
	var e *consent.Error
	if !errors.As(err, &e) {
		e = &consent.Error{Type: consent.StoreFailed, Message: "tokenkeeper has a fault: see the function's log"}
	}
	page, ok := problems[e.Type]
	if !ok {
		page = problemPage{http.StatusBadRequest, "problem"}
	}
	d := decision{Message: e.Message, Connection: e.Connection, Consent: e.Consent, Site: site, Account: e.Type == consent.AccountChanged}
	if e.Type.Waits() {
		// Should it fail, the page still says what is the matter, and can be loaded again.
		if status, err := h.service.Status(r.Context(), consent.StatusRequest{Connection: e.Connection}); err == nil {
			d.Waiting, d.InUse = status.Connections[0].Waiting, status.Connections[0].CloudID
		}
	}
	h.show(w, page.status, page.name, d)
}

func cookie(r *http.Request, name string) atlassian.Secret {
	c, err := r.Cookie(name)
	if err != nil {
		return atlassian.Secret{}
	}
	return atlassian.NewSecret(c.Value)
}

// cookieLife is how long cookies are useful: until the consent is complete, or its
// waiting tokens expire. A page can be loaded again until then.
const cookieLife = consent.StateLifetime + consent.WaitingLifetime

// setCookie sets a cookie. Lax, as a consent returns from another site.
func setCookie(w http.ResponseWriter, name string, value atlassian.Secret) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value.Reveal(), Path: "/", MaxAge: int(cookieLife.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// redirect sends the browser on, without the body of http.Redirect, which
// repeats the address.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
