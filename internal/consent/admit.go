package consent

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// facts are what the decision over a grant rests on.
type facts struct {
	// asked, granted and inUse are scopes; granted is nil where Atlassian did not say,
	// and inUse are those of the family so far.
	asked, granted, inUse []string
	// sites that the grant reaches, one a cloud id.
	sites []Site
	// site is the one that was named, by cloud id, URL or name; or empty.
	site string
	// previousSite is the cloud id in use, and previousURL the site's address. account is
	// the grant's, previousAccount that of the family in use. Each is empty if not known.
	previousSite, previousURL string
	account, previousAccount  family.Fingerprint
	// confirmed: differences are meant.
	confirmed bool
}

// admit decides whether a grant may replace the family in use, and for which site. It takes
// the only site, or the one that was named, and never picks one by chance. It names all that
// needs a confirmation at once, so that nobody confirms something unseen.
func (f facts) admit() (Site, *Error) {
	if len(f.sites) == 0 {
		return Site{}, refuse(NoSite, "the account that consented can reach no site with this app: sign in as an account that is a member of the Jira site, not a guest, and consent again")
	}
	site, err := f.choose()
	if err != nil || f.confirmed {
		return site, err
	}
	var first ErrorType
	var all []string
	differs := func(t ErrorType, message string) { first, all = cmp.Or(first, t), append(all, message) }
	if f.account != "" && f.previousAccount != "" && f.account != f.previousAccount {
		differs(AccountChanged, "another account consented than before, and its permissions decide what can be read")
	}
	if f.previousSite != "" && site.ID != f.previousSite {
		differs(SiteChanged, "the consent is for the site "+describe(site)+", and "+f.previous()+" is in use so far")
	}
	if missing := f.missing(); len(missing) > 0 {
		differs(ScopesMissing, "not granted were the scopes "+strings.Join(missing, " ")+", which the app in the developer console may lack")
	}
	if lost := f.lost(); len(lost) > 0 {
		differs(ScopesMissing, "the scopes "+strings.Join(lost, " ")+" are in use so far and were not asked for")
	}
	if len(all) == 0 {
		return site, nil
	}
	return Site{}, refuse(first, "%s: confirm that this is meant, or consent again", strings.Join(all, "; and "))
}

// missing are the scopes that were asked for and not granted.
func (f facts) missing() []string {
	if f.granted == nil {
		return nil
	}
	return without(f.asked, f.granted)
}

// lost are the scopes in use that were neither asked for nor granted.
func (f facts) lost() []string { return without(without(f.inUse, f.asked), f.granted) }

// without returns the scopes of the first list that the second one lacks.
func without(scopes, others []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return slices.Contains(others, s) })
}

// choose picks the site. Several reachable sites need a name, even if one of them
// is in use: Atlassian does not say which one the person chose in the browser.
func (f facts) choose() (Site, *Error) {
	if strings.TrimSpace(f.site) != "" {
		found := slices.DeleteFunc(slices.Clone(f.sites), func(s Site) bool { return !s.isNamed(f.site) })
		if len(found) == 1 {
			return found[0], nil
		}
		return Site{}, refuse(SiteUnknown, "the site %s is not one of those that the consent reaches: name one of %s", shown(f.site), list(f.sites))
	}
	if len(f.sites) == 1 {
		return f.sites[0], nil
	}
	return Site{}, refuse(SiteNeeded, "the consent reaches several sites: name one of %s", list(f.sites))
}

// isNamed reports whether people may call the site so: by its cloud id, its name,
// or its address or a part of it. Of https://acme.atlassian.net/jira, "acme" is enough.
func (s Site) isNamed(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == strings.ToLower(s.ID) || name == strings.ToLower(s.Name) {
		return true
	}
	host, first := hostOf(s.URL)
	named, _ := hostOf(name)
	return named != "" && (named == host || named == first)
}

// hostOf returns the host of an address, with or without its scheme, and the first
// label of it.
func hostOf(address string) (host, first string) {
	host = strings.ToLower(address)
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	first, _, _ = strings.Cut(host, ".")
	return host, first
}

// previous names the site in use. Where no id of a site is stored, that is not quoted:
// a person may have stored a secret there.
func (f facts) previous() string {
	for _, s := range append([]Site{{ID: f.previousSite, URL: f.previousURL}}, f.sites...) {
		if s.ID == f.previousSite && s.URL != "" {
			return describe(s)
		}
	}
	if isCloudID(f.previousSite) {
		return short(f.previousSite)
	}
	return "what CLOUD_ID holds, which is no cloud id,"
}

// isCloudID reports whether a text has the form of a cloud id: a UUID.
func isCloudID(text string) bool {
	return len(text) == 36 && strings.Trim(text, "0123456789abcdefABCDEF-") == ""
}

// describe names a site in a message. What Atlassian sends is quoted: a name
// could hold anything.
func describe(s Site) string {
	if s.URL != "" {
		return short(s.URL)
	}
	return short(s.ID)
}

// list names sites, as many as a message can hold.
func list(sites []Site) string {
	const most = 10
	var names []string
	for i, s := range sites {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, describe(s))
	}
	return strings.Join(names, ", ")
}

// sitesOf makes one site of all entries of a cloud id.
func sitesOf(resources []atlassian.Resource) []Site {
	sites := []Site{}
	for _, s := range atlassian.Sites(resources) {
		sites = append(sites, Site{ID: s.ID, URL: s.URL, Name: s.Name})
	}
	return sites
}

// short quotes a text of Atlassian's for a message.
func short(text string) string {
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return strconv.Quote(text)
}
