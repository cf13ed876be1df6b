package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
)

//go:embed style.css
var style string

//go:embed templates/*.html
var files embed.FS

// names are the pages.
var names = []string{"home", "start", "done", "refused", "expired", "browser", "confirm", "site", "problem", "retry", "nothing", "foreign"}

// pagesFor makes the pages, each with the frame around it.
func pagesFor(h Host) map[string]*template.Template {
	frame := template.Must(template.New("frame.html").Funcs(template.FuncMap{
		"style": func() template.CSS { return template.CSS(style) },
		"date":  func(t time.Time) string { return t.UTC().Format("2 January 2006") },
		// A message begins small, as errors do.
		"sentence":     func(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] + "." },
		"clock":        func(t time.Time) string { return t.UTC().Format("15:04") + " UTC" },
		"means":        func(scope string) string { return meanings[scope] },
		"organization": func() string { return h.Organization },
		"contact":      func() string { return h.Contact },
		"reach":        h.reach,
	}).ParseFS(files, "templates/frame.html"))
	all := map[string]*template.Template{}
	for _, name := range names {
		all[name] = template.Must(template.Must(frame.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return all
}

// policy lets a browser show one style sheet, known by its hash, and send a form
// back to the same host. It forbids all else.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// head sets the headers that every answer has.
func head(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Strict-Transport-Security", "max-age=31536000")
}

// show answers with a page.
func (h *handler) show(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := h.pages[name].Execute(&page, data); err != nil {
		panic("pages: cannot render " + name) // the error could quote data
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// startPage is what the page of a start link shows.
type startPage struct {
	consent.Invitation
	// Go is where its button leads.
	Go  string
	now time.Time
}

// Days until the family in use dies of age.
func (p startPage) Days() int { return days(p.Status.FamilyExpiresAt, p.now) }

// Alive: there is a family in use.
func (p startPage) Alive() bool { return p.Status.HasTokens && !p.Status.Refused && p.Days() > 0 }

// donePage is what the last page shows.
type donePage struct {
	consent.Completed
	// Site is the one in use.
	Site consent.Site
	// Others is how many more sites the tokens reach.
	Others int
	Days   int
}

func newDonePage(c consent.Completed, now time.Time) donePage {
	p := donePage{Completed: c, Site: consent.Site{ID: c.CloudID}, Others: len(c.Sites) - 1, Days: days(c.FamilyExpiresAt, now)}
	if i := slices.IndexFunc(c.Sites, func(s consent.Site) bool { return s.ID == c.CloudID }); i >= 0 {
		p.Site = c.Sites[i]
	}
	return p
}

func days(until, now time.Time) int { return max(0, int(until.Sub(now).Hours()/24+0.5)) }

// problemPage is the page of a type of error.
type problemPage struct {
	status int
	name   string
}

var problems = map[consent.ErrorType]problemPage{
	consent.ConsentRefused:       {http.StatusOK, "refused"},
	consent.ConsentExpired:       {http.StatusGone, "expired"},
	consent.WrongBrowser:         {http.StatusForbidden, "browser"},
	consent.SiteNeeded:           {http.StatusOK, "site"},
	consent.SiteUnknown:          {http.StatusBadRequest, "site"},
	consent.SiteChanged:          {http.StatusOK, "confirm"},
	consent.AccountChanged:       {http.StatusOK, "confirm"},
	consent.ScopesMissing:        {http.StatusOK, "confirm"},
	consent.AtlassianUnavailable: {http.StatusServiceUnavailable, "retry"},
	consent.ConnectionBusy:       {http.StatusServiceUnavailable, "retry"},
	consent.StoreFailed:          {http.StatusServiceUnavailable, "retry"},
}

// decision is what a page shows that asks for one, and sends back.
type decision struct {
	Message    string
	Connection string
	// Consent tells which consent is asked about; see consent.Error.
	Consent string
	// Site is the one that was chosen before.
	Site    string
	Waiting *consent.Waiting
	// InUse is the cloud id of the site in use.
	InUse string
	// Account: another account is the matter.
	Account bool
}
