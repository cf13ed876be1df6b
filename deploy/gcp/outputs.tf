output "service_account" {
  description = "The service's account, for grants of your own."
  value       = google_service_account.service.email
}

output "run" {
  description = "The command that asks for a tick."
  value       = "gcloud scheduler jobs run ${google_cloud_scheduler_job.tick.name} --project ${var.project} --location ${var.location}"
}

output "log" {
  description = "The command that shows what the last ticks said."
  value       = "gcloud logging read 'resource.type=\"cloud_run_revision\" resource.labels.service_name=\"${google_cloud_run_v2_service.tick.name}\"' --project ${var.project} --freshness 1h"
}
