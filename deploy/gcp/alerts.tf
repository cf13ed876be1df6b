# The alerts: the same ten that the stack on AWS has, by the same runbook. Each
# compares the very numbers that the job publishes; internal/proof/paging reads this
# file, and tries it in a simulated year and in every failure.
#
# Cloud Monitoring opens an incident for each time series, so a second connection is
# told of although the first one's incident stands. An incident without data closes
# after half an hour. No condition can ask for longer than 23 hours and a half, so a
# day without a consent is as long, of which each hour had more than 20 ticks.

locals {
  task    = "resource.type=\"generic_task\" AND resource.labels.job=\"${var.name}\""
  pages   = concat(var.page_channels, google_monitoring_notification_channel.page[*].name)
  tickets = concat(var.ticket_channels, google_monitoring_notification_channel.ticket[*].name)
}

resource "google_monitoring_notification_channel" "page" {
  count        = var.page_email == "" ? 0 : 1
  project      = var.project
  display_name = "${var.name}: page"
  type         = "email"
  labels       = { email_address = var.page_email }
}

resource "google_monitoring_notification_channel" "ticket" {
  count        = var.ticket_email == "" ? 0 : 1
  project      = var.project
  display_name = "${var.name}: ticket"
  type         = "email"
  labels       = { email_address = var.ticket_email }
}

resource "google_monitoring_alert_policy" "first_warning" {
  project               = var.project
  display_name          = "${var.name}-first-warning"
  combiner              = "OR"
  notification_channels = local.tickets

  conditions {
    display_name = "first-warning"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/FamilyDaysRemaining\" AND ${local.task}"
      comparison      = "COMPARISON_LT"
      threshold_value = var.first_warning_days
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "A token family ends in less than ${var.first_warning_days} days, however well it is kept, and its consumers stop with it. Means: its yearly consent is due. Do: take the connection from the incident, then run tokenkeeper authorize --store gcp:${var.project} --connection PREFIX. Runbook: ${var.runbook_url}#family-ends-in-days"
  }
}

resource "google_monitoring_alert_policy" "second_warning" {
  project               = var.project
  display_name          = "${var.name}-second-warning"
  combiner              = "OR"
  notification_channels = local.tickets

  conditions {
    display_name = "second-warning"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/FamilyDaysRemaining\" AND ${local.task}"
      comparison      = "COMPARISON_LT"
      threshold_value = var.second_warning_days
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "A token family ends in less than ${var.second_warning_days} days, however well it is kept, and its consumers stop with it. Means: its yearly consent is due. Do: take the connection from the incident, then run tokenkeeper authorize --store gcp:${var.project} --connection PREFIX. Runbook: ${var.runbook_url}#family-ends-in-days"
  }
}

resource "google_monitoring_alert_policy" "third_warning" {
  project               = var.project
  display_name          = "${var.name}-third-warning"
  combiner              = "OR"
  notification_channels = local.tickets

  conditions {
    display_name = "third-warning"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/FamilyDaysRemaining\" AND ${local.task}"
      comparison      = "COMPARISON_LT"
      threshold_value = var.third_warning_days
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "A token family ends in less than ${var.third_warning_days} days, however well it is kept, and its consumers stop with it. Means: its yearly consent is due. Do: take the connection from the incident, then run tokenkeeper authorize --store gcp:${var.project} --connection PREFIX. Runbook: ${var.runbook_url}#family-ends-in-days"
  }
}

resource "google_monitoring_alert_policy" "fourth_warning" {
  project               = var.project
  display_name          = "${var.name}-fourth-warning"
  combiner              = "OR"
  notification_channels = local.pages

  conditions {
    display_name = "fourth-warning"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/FamilyDaysRemaining\" AND ${local.task}"
      comparison      = "COMPARISON_LT"
      threshold_value = var.fourth_warning_days
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "A token family ends in less than ${var.fourth_warning_days} days, however well it is kept, and its consumers stop with it. Means: its yearly consent is due. Do: take the connection from the incident, then run tokenkeeper authorize --store gcp:${var.project} --connection PREFIX. Runbook: ${var.runbook_url}#family-ends-in-days"
  }
}

resource "google_monitoring_alert_policy" "consent_now" {
  project               = var.project
  display_name          = "${var.name}-consent-now"
  combiner              = "OR"
  notification_channels = local.pages

  conditions {
    display_name = "consent-now"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/ConsentNeeded\" AND ${local.task}"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "Atlassian refused a refresh token for good, or a token family ends in less than ${var.last_warning_days} days. Means: a password was changed, the grant was revoked, the account was deactivated, or the year is over. No tick can mend it. Do: take the connection from the incident, then run tokenkeeper authorize --store gcp:${var.project} --connection PREFIX. Never store an old token. Runbook: ${var.runbook_url}#consent-now"
  }
}

resource "google_monitoring_alert_policy" "rotation_failing" {
  project               = var.project
  display_name          = "${var.name}-rotation-failing"
  combiner              = "OR"
  notification_channels = local.pages

  conditions {
    display_name = "rotation-failing"
    condition_threshold {
      filter                  = "metric.type=\"custom.googleapis.com/tokenkeeper/RotationFailures\" AND ${local.task}"
      comparison              = "COMPARISON_GT"
      threshold_value         = 0
      duration                = "600s"
      evaluation_missing_data = "EVALUATION_MISSING_DATA_NO_OP"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MIN"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "For ten minutes a connection could not be rotated. Means: Atlassian, Secret Manager or a key denies or does not answer, a token is in doubt, or a secret is wrong. The family still lives, but its access token will expire. Do: tokenkeeper status --store gcp:${var.project} --connection PREFIX gives the reason and the next step. Runbook: ${var.runbook_url}#rotation-failing"
  }
}

resource "google_monitoring_alert_policy" "access_token_expiring" {
  project               = var.project
  display_name          = "${var.name}-access-token-expiring"
  combiner              = "OR"
  notification_channels = local.pages

  conditions {
    display_name = "access-token-expiring"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/AccessTokenSecondsRemaining\" AND ${local.task}"
      comparison      = "COMPARISON_LT"
      threshold_value = 600
      duration        = "0s"
      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "The access token that consumers read expires in less than ten minutes, or has expired. Means: several rotations were missed; consumers are about to fail, or fail already. Do: tokenkeeper status --store gcp:${var.project} --connection PREFIX gives the reason. Mend that, then ask for a tick. Runbook: ${var.runbook_url}#access-token-expiring"
  }
}

resource "google_monitoring_alert_policy" "heartbeat_missing" {
  project               = var.project
  display_name          = "${var.name}-heartbeat-missing"
  combiner              = "OR"
  notification_channels = local.pages

  conditions {
    display_name = "heartbeat-missing"
    condition_absent {
      filter   = "metric.type=\"custom.googleapis.com/tokenkeeper/Heartbeat\" AND ${local.task}"
      duration = "780s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_COUNT"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "For 13 minutes no tick has served all connections. Means: the schedule, the job or its metrics are broken, and nothing else here can be trusted. Do: see whether the schedule ${var.name} is paused, then the newest lines of the job's log, then ask for a tick. Runbook: ${var.runbook_url}#heartbeat-missing"
  }
}

resource "google_monitoring_alert_policy" "attention" {
  project               = var.project
  display_name          = "${var.name}-attention"
  combiner              = "OR"
  notification_channels = local.tickets

  conditions {
    display_name = "foreign-write"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/ForeignWrites\" AND ${local.task}"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "3600s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  conditions {
    display_name = "site-lost"
    condition_threshold {
      filter          = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/SiteLost\" AND ${local.task}"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "3600s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }
  conditions {
    display_name = "failed-ticks"
    condition_threshold {
      filter          = "metric.type=\"run.googleapis.com/job/completed_execution_count\" AND resource.type=\"cloud_run_job\" AND resource.labels.job_name=\"${var.name}\" AND metric.labels.result=\"failed\""
      comparison      = "COMPARISON_GT"
      threshold_value = 2
      duration        = "0s"
      aggregations {
        alignment_period   = "600s"
        per_series_aligner = "ALIGN_SUM"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "Something is to be looked at in the morning, though tokens rotate. Means: somebody wrote over a REFRESH_TOKEN (foreign-write), an access token does not reach its site any more (site-lost), or three ticks of ten minutes failed (failed-ticks). Do: take the connection from the incident; tokenkeeper status --store gcp:${var.project} --connection PREFIX gives the reason. Runbook: ${var.runbook_url}#attention"
  }
}

resource "google_monitoring_alert_policy" "awaiting_consent" {
  project               = var.project
  display_name          = "${var.name}-awaiting-consent"
  combiner              = "OR"
  notification_channels = local.tickets

  conditions {
    display_name = "awaiting-consent"
    condition_threshold {
      filter                  = "metric.type=\"custom.googleapis.com/tokenkeeper/connection/AwaitingConsent\" AND ${local.task}"
      comparison              = "COMPARISON_GT"
      threshold_value         = 20
      duration                = "84600s"
      evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"
      aggregations {
        alignment_period   = "3600s"
        per_series_aligner = "ALIGN_COUNT"
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "For a day a connection has had no refresh token. Means: the first consent was never given or stored. Do: run tokenkeeper authorize --store gcp:${var.project} --connection PREFIX, or take the connection out of the variable connections. Runbook: ${var.runbook_url}#awaiting-consent"
  }
}
