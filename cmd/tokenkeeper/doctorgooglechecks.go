package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tokenkeeper/tokenkeeper/internal/fleet/health"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/gcpstore"
)

// examine looks at credentials, project, the heartbeat and its alerts.
func (g *googleFacts) examine(now time.Time, p place, add adder) {
	add("credentials", resultOK, "", "%s", g.as)
	switch {
	case g.project == nil:
		add("project", resultOK, "", "%s can be used", p)
	case gcpstore.ProjectRefused(g.project):
		add("project", resultFail, "read the reason", "%s", g.project)
		return
	case !errors.Is(g.project, store.ErrDenied):
		add("project", resultFail, "read the reason", "%s", g.project)
	default:
		add("project", resultWarn, "have secretmanager.secrets.list granted on the project, or name each connection by --connection", "its secrets cannot be listed: %s", g.project)
	}
	if g.deployed == nil && g.beatErr == nil && g.beat.IsZero() && g.alertsErr == nil && len(g.alerts) == 0 {
		add("service", resultWarn, "apply deploy/gcp; or name its variable name by --stack, and its region by --location; if ticks run elsewhere, see to their heartbeat there",
			"nothing is known of a service %s: no heartbeat in %s, and no alert policy", g.name, health.Lasting(beatsOver))
		return
	}
	switch {
	case g.deployed != nil:
		g.deployed.examine(add)
	case g.regionErr != nil:
		add("service", resultWarn, "name its region by --location, or have roles/monitoring.viewer granted on the project", "its region is not known: Cloud Monitoring %s", g.regionErr)
	default:
		add("service", resultWarn, "name its region by --location", "its region is not known: no heartbeat in six weeks names it")
	}
	g.examineBeat(now, add)
	g.examineAlerts(add)
}

func (g *googleFacts) examineBeat(now time.Time, add adder) {
	look := fmt.Sprintf("see whether the schedule is paused: gcloud scheduler jobs describe %s --location REGION; then read the log: "+
		`gcloud logging read 'resource.type="cloud_run_revision" resource.labels.service_name="%[1]s"' --freshness 3h`, g.name)
	switch late := now.Sub(g.beat); {
	case g.beatErr != nil:
		add("last tick", resultWarn, "have roles/monitoring.viewer granted on the project", "cannot be looked at in Cloud Monitoring: %s", g.beatErr)
	case g.beat.IsZero():
		add("last tick", resultFail, look, "no tick of the service %s has served all connections in %s", g.name, health.Lasting(beatsOver))
	case late > grace:
		add("last tick", resultFail, look, "the last that served all connections was %s ago", health.Lasting(late))
	default:
		add("last tick", resultOK, "", "%s ago", health.Lasting(max(0, late)))
	}
}

func (g *googleFacts) examineAlerts(add adder) {
	var off, silent []string
	for _, a := range g.alerts {
		if !a.Enabled {
			off = append(off, a.Name)
		}
		if a.Channels == 0 {
			silent = append(silent, a.Name)
		}
	}
	switch {
	case g.alertsErr != nil:
		add("alerts", resultWarn, "have roles/monitoring.viewer granted on the project", "cannot be looked at in Cloud Monitoring: %s", g.alertsErr)
	case len(g.alerts) < alarmsOfAStack:
		add("alerts", resultFail, "apply deploy/gcp again: somebody has deleted some", "there are %d of %d", len(g.alerts), alarmsOfAStack)
	case len(off) > 0:
		add("alerts", resultFail, "enable them, or apply deploy/gcp again", "they are disabled: %s", strings.Join(off, ", "))
	case len(silent) > 0:
		add("alerts", resultFail, "set page_email and ticket_email, or page_channels and ticket_channels, and apply deploy/gcp", "they tell nobody: %s", strings.Join(silent, ", "))
	default:
		add("alerts", resultOK, "", "%d, all of which tell somebody", len(g.alerts))
	}
}

// found are the secrets of a connection that something is the matter with, by what.
type found struct {
	absent, hidden, behind, many, ending, dear, forbidden []string
	// worst is how bad it is that some are absent.
	worst result
}

// add sorts a secret.
func (f *found) add(s secretFact) {
	note := func(to *[]string, is bool, format string, args ...any) {
		if is {
			*to = append(*to, s.ID+fmt.Sprintf(format, args...))
		}
	}
	switch {
	case s.err != nil:
		note(&f.hidden, true, ": %s", s.err)
	case len(s.Lacking) > 0:
		note(&f.hidden, true, " without %s", strings.Join(s.Lacking, " and "))
	case !s.Made:
		note(&f.absent, true, "")
		if s.essential {
			f.worst = resultFail
		}
	}
	note(&f.behind, s.Named > 0 && s.Newest > s.Named, " names version %d, and the newest is %d", s.Named, s.Newest)
	if s.Due > 0 {
		f.many = append(f.many, fmt.Sprintf("%d of the %d of %s", s.Due, s.Costing, s.ID))
	}
	note(&f.ending, !s.Expires.IsZero(), " on %s", s.Expires.UTC().Format(time.DateOnly))
	note(&f.dear, s.DestroyAfter > 0, " (destroyed versions stay for %s)", s.DestroyAfter)
	note(&f.dear, s.Locations > 1, " (in %d locations)", s.Locations)
	note(&f.forbidden, len(s.MayNot) > 0, " without %s", strings.Join(s.MayNot, ", "))
}

// examineSecrets looks at a connection's secrets: whether they are there, may be seen,
// name the version that psoxy reads, stay, and cost no more than they should.
func (g *googleFacts) examineSecrets(connection string, add adder) {
	f := found{worst: resultWarn}
	for _, s := range g.secrets[connection] {
		f.add(s)
	}
	name := connection + " secrets"
	switch {
	case len(f.hidden) > 0:
		add(name, resultWarn, "have what is missing granted on the secret; who lacks it cannot tell a secret that does not exist", "not all can be seen: %s", strings.Join(f.hidden, "; "))
	case len(f.absent) > 0:
		add(name, f.worst, "apply deploy/gcp, and psoxy's Terraform where psoxy makes secrets; the service may not make them", "these do not exist: %s", strings.Join(f.absent, ", "))
	default:
		add(name, resultOK, "", "%d exist", len(g.secrets[connection]))
	}
	if len(f.ending) > 0 {
		add(connection+" expiry", resultFail, "gcloud secrets update SECRET --remove-expiration", "Google will delete these secrets: %s", strings.Join(f.ending, ", "))
	}
	if len(f.behind) > 0 {
		add(connection+" label", resultFail, "see who wrote the newest version; the next rotation corrects the label", "psoxy reads an old version, by the label latest-version: %s", strings.Join(f.behind, "; "))
	} else {
		add(connection+" label", resultOK, "", "psoxy reads the newest version of each")
	}
	if len(f.many) > 0 {
		add(connection+" versions", resultWarn, "have secretmanager.versions.destroy granted to the service: it destroys old versions at every fifth write", "versions that are no longer needed cost money: %s", strings.Join(f.many, ", "))
	} else {
		add(connection+" versions", resultOK, "", "none that are no longer needed")
	}
	if len(f.dear) > 0 {
		add(connection+" costs", resultWarn, "take version_destroy_ttl away, and replicate to one location or let Google choose, if the money matters", "versions cost more than they must: %s", strings.Join(f.dear, ", "))
	}
	g.examinePermissions(connection, f.forbidden, add)
}

// examinePermissions compares what these credentials may do with what the service needs. A
// person need not have it.
func (g *googleFacts) examinePermissions(connection string, forbidden []string, add adder) {
	name := connection + " permissions"
	switch {
	case len(forbidden) == 0:
		add(name, resultOK, "", "these credentials may do what the service needs; whether they are the service's, the line credentials says")
	case strings.Contains(g.as, ".gserviceaccount.com"):
		add(name, resultFail, "apply deploy/gcp again if this is the service's account; a role that was just granted may take minutes", "these credentials may not do what the service needs: %s", strings.Join(forbidden, "; "))
	default:
		add(name, resultOK, "", "these credentials may not do all that the service does, which a person need not; "+
			"to look with the service's: gcloud auth application-default login --impersonate-service-account=ACCOUNT")
	}
}
