# The alerts: the same ten that the stack on AWS has, by the same runbook. Each
# compares the very numbers that the service publishes; internal/proof/paging reads this
# file, and tries it in a simulated year and in every failure.
#
# Cloud Monitoring opens an incident for each time series, so a second connection is reported while the first one's
# incident is open. An incident without data closes after half an hour. No condition can ask for longer than 23 hours
# and a half, so a day without a consent is as long, of which each hour had more than 20 ticks.

locals {
  ours   = "metric.type=\"custom.googleapis.com/tokenkeeper/"
  task   = "\" AND resource.type=\"generic_task\" AND resource.labels.job=\"${var.name}\""
  store  = "--store gcp:${var.project} --connection PREFIX"
  page   = concat(var.page_channels, google_monitoring_notification_channel.page[*].name)
  ticket = concat(var.ticket_channels, google_monitoring_notification_channel.ticket[*].name)
  warnings = {
    first  = { tell = local.ticket, days = var.first_warning_days }
    second = { tell = local.ticket, days = var.second_warning_days }
    third  = { tell = local.ticket, days = var.third_warning_days }
    fourth = { tell = local.page, days = var.fourth_warning_days }
  }

  # Each alert has a name, a channel, a text, an entry in the runbook, and thresholds
  # with names of their own. In a threshold's alignment period (300 s unless it says
  # otherwise) the aligned value (ALIGN_MAX unless …) is above, or below, a value.
  alerts = merge({ for name, one in local.warnings : "${name}-warning" => {
    tell  = one.tell
    entry = "family-ends-in-days"
    says  = "A token family ends in less than ${one.days} days, however well it is kept, and its consumers stop with it. Means: its yearly consent is due. Do: take the connection from the incident, then run tokenkeeper authorize ${local.store}."
    when  = { "${name}-warning" = { metric = "connection/FamilyDaysRemaining", value = one.days, below = true } }
    } }, {
    consent-now = {
      tell  = local.page
      entry = "consent-now"
      says  = "Atlassian refused a refresh token for good, or a token family ends in less than ${var.last_warning_days} days. Means: a password was changed, the grant was revoked, the account was deactivated, or the year is over. No tick can mend it. Do: take the connection from the incident, then run tokenkeeper authorize ${local.store}. Never store an old token."
      when  = { consent-now = { metric = "connection/ConsentNeeded", value = 0 } }
    }
    rotation-failing = {
      tell  = local.page
      entry = "rotation-failing"
      says  = "For ten minutes a connection could not be rotated. Means: Atlassian, Secret Manager or a key denies or does not answer, a token is in doubt, or a secret is wrong. The family still lives, but its access token will expire. Do: tokenkeeper status ${local.store} gives the reason and the next step."
      when = {
        rotation-failing = { metric = "RotationFailures", value = 0, aligner = "ALIGN_MIN", duration = "600s", missing = "EVALUATION_MISSING_DATA_NO_OP" }
      }
    }
    access-token-expiring = {
      tell  = local.page
      entry = "access-token-expiring"
      says  = "The access token that consumers read expires in less than ten minutes, or has expired. Means: several rotations were missed; consumers are about to fail, or fail already. Do: tokenkeeper status ${local.store} gives the reason. Mend that, then ask for a tick."
      when  = { access-token-expiring = { metric = "AccessTokenSecondsRemaining", value = 600, below = true } }
    }
    attention = {
      tell  = local.ticket
      entry = "attention"
      says  = "Something is to be looked at in the morning, though tokens rotate. Means: somebody wrote over a REFRESH_TOKEN (foreign-write), an access token does not reach its site any more (site-lost), or three ticks of ten minutes failed (failed-ticks). Do: take the connection from the incident; tokenkeeper status ${local.store} gives the reason."
      when = {
        foreign-write = { metric = "connection/ForeignWrites", value = 0, period = "3600s" }
        site-lost     = { metric = "connection/SiteLost", value = 0, period = "3600s" }
        failed-ticks = {
          filter  = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${var.name}\" AND metric.labels.response_code_class=\"5xx\""
          value   = 2
          period  = "600s"
          aligner = "ALIGN_SUM"
        }
      }
    }
    awaiting-consent = {
      tell  = local.ticket
      entry = "awaiting-consent"
      says  = "For a day a connection has had no refresh token. Means: the first consent was never given or stored. Do: run tokenkeeper authorize ${local.store}, or take the connection out of the variable connections."
      when = {
        awaiting-consent = { metric = "connection/AwaitingConsent", value = 20, aligner = "ALIGN_COUNT", period = "3600s", duration = "84600s", missing = "EVALUATION_MISSING_DATA_INACTIVE" }
      }
    }
  })
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

resource "google_monitoring_alert_policy" "alert" {
  for_each              = local.alerts
  project               = var.project
  display_name          = "${var.name}-${each.key}"
  combiner              = "OR"
  notification_channels = each.value.tell

  dynamic "conditions" {
    for_each = each.value.when
    content {
      display_name = conditions.key
      condition_threshold {
        filter                  = try(conditions.value.filter, "${local.ours}${conditions.value.metric}${local.task}")
        comparison              = try(conditions.value.below, false) ? "COMPARISON_LT" : "COMPARISON_GT"
        threshold_value         = conditions.value.value
        duration                = try(conditions.value.duration, "0s")
        evaluation_missing_data = try(conditions.value.missing, null)
        aggregations {
          alignment_period   = try(conditions.value.period, "300s")
          per_series_aligner = try(conditions.value.aligner, "ALIGN_MAX")
        }
      }
    }
  }
  alert_strategy {
    auto_close = "1800s"
  }
  documentation {
    content = "${each.value.says} Runbook: ${var.runbook_url}#${each.value.entry}"
  }

  lifecycle {
    precondition {
      condition     = var.first_warning_days > var.second_warning_days && var.second_warning_days > var.third_warning_days && var.third_warning_days > var.fourth_warning_days && var.fourth_warning_days > var.last_warning_days
      error_message = "Each of first_warning_days to last_warning_days must be below the one before."
    }
  }
}

resource "google_monitoring_alert_policy" "heartbeat_missing" {
  project               = var.project
  display_name          = "${var.name}-heartbeat-missing"
  combiner              = "OR"
  notification_channels = local.page

  conditions {
    display_name = "heartbeat-missing"
    condition_absent {
      filter   = "${local.ours}Heartbeat${local.task}"
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
    content = "For 13 minutes no tick has served all connections. Means: the schedule, the service or its metrics are broken, and nothing else here can be trusted. Do: see whether the schedule ${var.name} is paused, then the newest lines of the service's log, then ask for a tick. Runbook: ${var.runbook_url}#heartbeat-missing"
  }
}
