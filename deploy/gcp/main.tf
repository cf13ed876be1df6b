# The keeper on Google Cloud: a Cloud Run service that makes a tick at each request, a
# schedule that calls it every two minutes, and a service account that may do only what
# it needs. docs/gcp.md says how to use this module, and what of it was tried.

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0" # the first that has deletion_protection of a service
    }
  }
}

locals {
  apis = ["cloudscheduler.googleapis.com", "monitoring.googleapis.com", "run.googleapis.com", "secretmanager.googleapis.com"]
}

resource "google_project_service" "needed" {
  for_each           = toset(local.apis)
  project            = var.project
  service            = each.value
  disable_on_destroy = false
}

# Who the service is.
resource "google_service_account" "service" {
  project      = var.project
  account_id   = var.name
  display_name = "tokenkeeper: rotates refresh tokens"
}

resource "google_project_iam_member" "metrics" {
  project = var.project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.service.member
}

# A service is billed for the time of its requests, which is free. Each run of a Cloud Run
# job would be billed for a minute at least: twenty dollars a month.
resource "google_cloud_run_v2_service" "tick" {
  project             = var.project
  name                = var.name
  location            = var.location
  deletion_protection = false

  template {
    # One instance serves one request at a time, which ends before the next one comes. If two run at once nevertheless,
    # the ledger lets one of them win. Between requests an instance costs nothing, and stays for a while.
    service_account                  = google_service_account.service.email
    timeout                          = "110s"
    max_instance_request_concurrency = 1
    scaling {
      min_instance_count = 0
      max_instance_count = 1
    }
    containers {
      image = var.image
      args  = ["serve"]
      resources {
        limits   = { cpu = "1", memory = "512Mi" }
        cpu_idle = true # billed for the time of requests
      }
      env {
        name  = "STORE"
        value = var.prefix == "" ? "gcp:${var.project}" : "gcp:${var.project}/${var.prefix}"
      }
      env {
        name  = "CONNECTIONS"
        value = join(",", var.connections)
      }
      env {
        name  = "LOCATION"
        value = var.location
      }
      env {
        name  = "NAME"
        value = var.name
      }
      env {
        name  = "REFRESH_BEFORE"
        value = var.refresh_before
      }
      env {
        name  = "FAMILY_LIFETIME_DAYS"
        value = tostring(var.family_lifetime_days)
      }
      env {
        name  = "ACCESS_TOKEN_FORMAT"
        value = var.access_token_format
      }
      env {
        name  = "LAST_WARNING_DAYS"
        value = tostring(var.last_warning_days)
      }
    }
  }
  depends_on = [google_project_service.needed]
}

# Who calls the service.
resource "google_service_account" "schedule" {
  project      = var.project
  account_id   = "${var.name}-schedule"
  display_name = "tokenkeeper: calls the service"
}

resource "google_cloud_run_v2_service_iam_member" "schedule" {
  project  = var.project
  location = var.location
  name     = google_cloud_run_v2_service.tick.name
  role     = "roles/run.invoker"
  member   = google_service_account.schedule.member
}

resource "google_cloud_scheduler_job" "tick" {
  project          = var.project
  region           = var.location
  name             = var.name
  description      = "A tick of tokenkeeper"
  schedule         = "*/2 * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "120s"
  paused           = var.paused

  retry_config {
    retry_count = 0
  }
  http_target {
    http_method = "POST"
    uri         = google_cloud_run_v2_service.tick.uri
    oidc_token {
      service_account_email = google_service_account.schedule.email
      audience              = google_cloud_run_v2_service.tick.uri
    }
  }
  depends_on = [google_cloud_run_v2_service_iam_member.schedule]
}
