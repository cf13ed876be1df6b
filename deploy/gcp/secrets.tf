# The secrets, and who may do what with each. psoxy's Terraform makes psoxy's; this
# module makes the rest, without a version.

locals {
  # By its end: what the service may do with a secret, and who makes it.
  secrets = {
    TOKEN_LEDGER        = { role = "keep", ours = true }
    TOKEN_FAMILY        = { role = "keep", ours = true }
    CLOUD_ID            = { role = "keep", ours = true }
    REFRESH_TOKEN       = { role = "keep", ours = !var.psoxy_makes_secrets }
    ACCESS_TOKEN        = { role = "keep", ours = !var.psoxy_makes_secrets }
    CLIENT_ID           = { role = "read", ours = !var.psoxy_makes_secrets }
    CLIENT_SECRET       = { role = "read", ours = !var.psoxy_makes_secrets }
    OAUTH_REFRESH_TOKEN = { role = "lock", ours = !var.psoxy_makes_secrets }
  }
  all = merge([for c in var.connections : { for end, s in local.secrets : "${var.prefix}${c}${end}" => s }]...)
}

resource "google_secret_manager_secret" "ours" {
  for_each  = { for id, s in local.all : id => s if s.ours }
  project   = var.project
  secret_id = each.key
  replication {
    auto {}
  }
  # The keeper and psoxy keep a version and a lock in labels.
  lifecycle {
    ignore_changes  = [labels]
    prevent_destroy = true
  }
  depends_on = [google_project_service.needed]
}

resource "google_project_iam_custom_role" "keep" {
  project     = var.project
  role_id     = "${replace(var.name, "-", "_")}_keep"
  title       = "tokenkeeper: keep a secret"
  permissions = ["secretmanager.secrets.get", "secretmanager.secrets.update", "secretmanager.versions.access", "secretmanager.versions.add", "secretmanager.versions.destroy", "secretmanager.versions.get", "secretmanager.versions.list"]
}

resource "google_project_iam_custom_role" "read" {
  project     = var.project
  role_id     = "${replace(var.name, "-", "_")}_read"
  title       = "tokenkeeper: read a secret"
  permissions = ["secretmanager.versions.access", "secretmanager.versions.get"]
}

# psoxy's lock is a label; only where psoxy rotates too it is taken.
resource "google_project_iam_custom_role" "lock" {
  project     = var.project
  role_id     = "${replace(var.name, "-", "_")}_lock"
  title       = "tokenkeeper: see psoxy's lock, and take it in shared mode"
  permissions = ["secretmanager.secrets.get", "secretmanager.secrets.update"]
}

resource "google_secret_manager_secret_iam_member" "service" {
  for_each  = local.all
  project   = var.project
  secret_id = each.key
  role = {
    keep = google_project_iam_custom_role.keep.id
    read = google_project_iam_custom_role.read.id
    lock = google_project_iam_custom_role.lock.id
  }[each.value.role]
  member     = google_service_account.service.member
  depends_on = [google_secret_manager_secret.ours]
}
