output "service_account" {
  description = "The job's service account, for grants of your own."
  value       = google_service_account.job.email
}

output "run" {
  description = "The command that asks for a tick."
  value       = "gcloud run jobs execute ${google_cloud_run_v2_job.tick.name} --project ${var.project} --region ${var.location} --wait"
}

output "log" {
  description = "The command that shows what the last ticks said."
  value       = "gcloud logging read 'resource.type=\"cloud_run_job\" resource.labels.job_name=\"${google_cloud_run_v2_job.tick.name}\"' --project ${var.project} --freshness 1h"
}
