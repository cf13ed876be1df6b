# The keeper on Google Cloud: a Cloud Run job that makes one tick, a schedule that
# runs it every two minutes, and a service account that may do only what it needs.
# docs/gcp.md says how to use this module, and what of it was tried.

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 5.30"
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

# Who the job is.
resource "google_service_account" "job" {
  project      = var.project
  account_id   = var.name
  display_name = "tokenkeeper: rotates refresh tokens"
}

resource "google_project_iam_member" "metrics" {
  project = var.project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.job.member
}

resource "google_cloud_run_v2_job" "tick" {
  project             = var.project
  name                = var.name
  location            = var.location
  deletion_protection = false

  template {
    # One execution has one task, which ends before the next one begins. If two run at once nevertheless, the ledger
    # lets one of them win.
    parallelism = 1
    task_count  = 1
    template {
      service_account = google_service_account.job.email
      timeout         = "110s"
      max_retries     = 0
      containers {
        image = var.image
        args  = ["job"]
        resources {
          limits = { cpu = "1", memory = "512Mi" }
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
          name  = "JOB"
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
  }
  depends_on = [google_project_service.needed]
}

# Who starts the job.
resource "google_service_account" "schedule" {
  project      = var.project
  account_id   = "${var.name}-schedule"
  display_name = "tokenkeeper: starts the job"
}

resource "google_cloud_run_v2_job_iam_member" "schedule" {
  project  = var.project
  location = var.location
  name     = google_cloud_run_v2_job.tick.name
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
  attempt_deadline = "60s"
  paused           = var.paused

  retry_config {
    retry_count = 0
  }
  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.location}/jobs/${google_cloud_run_v2_job.tick.name}:run"
    oauth_token {
      service_account_email = google_service_account.schedule.email
    }
  }
  depends_on = [google_cloud_run_v2_job_iam_member.schedule]
}
