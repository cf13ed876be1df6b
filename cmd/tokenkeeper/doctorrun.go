package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	cloudrun "google.golang.org/api/run/v2"
)

// runTimeout bounds a call of Cloud Run or Cloud Scheduler.
const runTimeout = 10 * time.Second

// deployment is what deploy/gcp has made to make ticks. An error says why something is not
// known.
type deployment struct {
	// project, region and name say where it is; beats that ticks come.
	project, region, name string
	beats                 bool
	// store is what the service should keep, and connections are those that were looked at.
	store       string
	connections []string

	service    *cloudrun.GoogleCloudRunV2Service
	serviceErr error
	policy     *cloudrun.GoogleIamV1Policy
	policyErr  error
	job        *cloudscheduler.Job
	jobErr     error
}

// emulated are options for an emulator at host, or for Google where it is empty.
func emulated(host string) []option.ClientOption {
	if host == "" {
		return nil
	}
	return []option.ClientOption{option.WithEndpoint("http://" + host + "/"), option.WithoutAuthentication()}
}

// lookAt gathers the facts.
func (d *deployment) lookAt(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*runTimeout)
	defer cancel()
	place := "projects/" + d.project + "/locations/" + d.region
	services, err := cloudrun.NewService(ctx, emulated(os.Getenv("CLOUD_RUN_EMULATOR_HOST"))...)
	if err != nil {
		d.serviceErr, d.policyErr = err, err
	} else {
		name := place + "/services/" + d.name
		d.service, err = services.Projects.Locations.Services.Get(name).Context(ctx).Do()
		d.serviceErr = reasonOf(err)
		d.policy, err = services.Projects.Locations.Services.GetIamPolicy(name).OptionsRequestedPolicyVersion(3).Context(ctx).Do()
		d.policyErr = reasonOf(err)
	}
	jobs, err := cloudscheduler.NewService(ctx, emulated(os.Getenv("CLOUD_SCHEDULER_EMULATOR_HOST"))...)
	if err == nil {
		d.job, err = jobs.Projects.Locations.Jobs.Get(place + "/jobs/" + d.name).Context(ctx).Do()
	}
	d.jobErr = reasonOf(err)
}

// errAbsent: Google says that there is none.
var errAbsent = errors.New("there is none")

// reasonOf is why a call failed, without what Google quotes of the request.
func reasonOf(err error) error {
	var refused *googleapi.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &refused):
		return fmt.Errorf("no answer: %w", err)
	case refused.Code == http.StatusNotFound:
		return errAbsent
	}
	return fmt.Errorf("refused or failed: %s", cmp.Or(http.StatusText(refused.Code), fmt.Sprint(refused.Code)))
}

// environment is the service's; empty where it is not known.
func (d *deployment) environment() map[string]string {
	all := map[string]string{}
	if d.service != nil && d.service.Template != nil && len(d.service.Template.Containers) > 0 {
		for _, v := range d.service.Template.Containers[0].Env {
			all[v.Name] = v.Value
		}
	}
	return all
}

// kept are the connections that the service keeps.
func (d *deployment) kept() (names []string) {
	for name := range strings.SplitSeq(d.environment()["CONNECTIONS"], ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}
