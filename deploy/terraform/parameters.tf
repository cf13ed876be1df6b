# Written by `make terraform` from template.yaml: change that.

locals {
  # Those that are not null go to CloudFormation; the others keep the template's default.
  parameters = {
    Connections               = var.connections == null ? null : join(",", var.connections)
    ConnectionsPath           = var.connections_path
    ParameterPath             = var.parameter_path
    LedgerPath                = var.ledger_path
    ParameterStoreThroughput  = var.parameter_store_throughput
    AccessTokenFormat         = var.access_token_format
    RefreshBefore             = var.refresh_before
    FamilyLifetimeDays        = var.family_lifetime_days == null ? null : tostring(var.family_lifetime_days)
    ParametersKey             = var.parameters_key
    PreviousParametersKeys    = var.previous_parameters_keys == null ? null : join(",", var.previous_parameters_keys)
    ConsumerRoleArns          = var.consumer_role_arns == null ? null : join(",", var.consumer_role_arns)
    StackKey                  = var.stack_key
    ScheduleExpression        = var.schedule_expression
    ScheduleState             = var.schedule_state
    ReservedConcurrency       = var.reserved_concurrency == null ? null : tostring(var.reserved_concurrency)
    Architecture              = var.architecture
    MetricNamespace           = var.metric_namespace
    ConnectionMetricsLimit    = var.connection_metrics_limit == null ? null : tostring(var.connection_metrics_limit)
    LogRetentionDays          = var.log_retention_days == null ? null : tostring(var.log_retention_days)
    FirstWarningDays          = var.first_warning_days == null ? null : tostring(var.first_warning_days)
    SecondWarningDays         = var.second_warning_days == null ? null : tostring(var.second_warning_days)
    ThirdWarningDays          = var.third_warning_days == null ? null : tostring(var.third_warning_days)
    FourthWarningDays         = var.fourth_warning_days == null ? null : tostring(var.fourth_warning_days)
    LastWarningDays           = var.last_warning_days == null ? null : tostring(var.last_warning_days)
    WarningScope              = var.warning_scope
    NoChangeNotificationHours = var.no_change_notification_hours == null ? null : tostring(var.no_change_notification_hours)
    RunbookUrl                = var.runbook_url
    PageTopicArn              = var.page_topic_arn
    PageEmail                 = var.page_email
    PageUrl                   = var.page_url
    TicketTopicArn            = var.ticket_topic_arn
    TicketEmail               = var.ticket_email
    TicketUrl                 = var.ticket_url
    HostedConsent             = var.hosted_consent == null ? null : tostring(var.hosted_consent)
    ConsentOrganization       = var.consent_organization
    ConsentContact            = var.consent_contact
    AtlassianHosts            = var.atlassian_hosts
    AtlassianAuthUrl          = var.atlassian_auth_url
    AtlassianApiUrl           = var.atlassian_api_url
  }
}
