# Written by `make terraform` from template.yaml: change that.

variable "connections" {
  type        = list(string)
  description = "One to five whole parameter-name prefixes, root path included, separated by commas without spaces, such as PSOXY_JIRA_CLOUD_ or /psoxy/prod/PSOXY_JIRA_CLOUD_. The template's default: PSOXY_JIRA_CLOUD_."
  default     = null
  validation {
    condition     = var.connections == null ? true : can(regex("^([A-Za-z0-9_.-]+[_.-]|(/[A-Za-z0-9_.-]+)+[_./-])(,([A-Za-z0-9_.-]+[_.-]|(/[A-Za-z0-9_.-]+)+[_./-])){0,4}$", join(",", var.connections)))
    error_message = "The value must be one to five parameter-name prefixes that end in _ . - or /, separated by commas without spaces; a prefix that contains a slash begins with one. For more than five set ConnectionsPath and ParameterPath."
  }
}

variable "connections_path" {
  type        = string
  description = "For more than five connections: the path below which String or StringList parameters of yours list the prefixes, in place of Connections. It is read again every few minutes. ParameterPath must be set too. The template's default: none."
  default     = null
  validation {
    condition     = var.connections_path == null ? true : can(regex("^(|(/[A-Za-z0-9_.-]+)+)$", var.connections_path))
    error_message = "The value must be empty or a path of parameters that begins with a slash and ends without one, such as /tokenkeeper-connections."
  }
}

variable "parameter_path" {
  type        = string
  description = "With ConnectionsPath: what every listed prefix begins with. The functions may work on all parameters below it that are named like a connection's, so keep nothing else there. The template's default: none."
  default     = null
  validation {
    condition     = var.parameter_path == null ? true : can(regex("^(|(/[A-Za-z0-9_.-]+)+/)$", var.parameter_path))
    error_message = "The value must be empty or a path that begins and ends with a slash, such as /tokenkeeper/."
  }
}

variable "ledger_path" {
  type        = string
  description = "The path below which the ledgers are, out of reach of consumers that may read or write everything under a connection's prefix, as psoxy may. Empty keeps each beside the connection's other parameters. A change moves nothing: copy the ledgers first, see docs/operations.md. The template's default: none."
  default     = null
  validation {
    condition     = var.ledger_path == null ? true : can(regex("^(|(/[A-Za-z0-9_.-]+)+)$", var.ledger_path))
    error_message = "The value must be empty or a path of parameters that begins with a slash and ends without one, such as /tokenkeeper-ledgers."
  }
  validation {
    condition     = var.ledger_path == null ? true : length(var.ledger_path) <= 90
    error_message = "The value must have 90 characters at most."
  }
}

variable "parameter_store_throughput" {
  type        = string
  description = "With ConnectionsPath: how fast Parameter Store is asked. higher needs the setting of that name in Parameter Store, which is the account's and costs by the request. The template's default: standard."
  default     = null
  validation {
    condition     = var.parameter_store_throughput == null ? true : contains(["standard", "higher"], var.parameter_store_throughput)
    error_message = "The value must be one of standard, higher."
  }
}

variable "access_token_format" {
  type        = string
  description = "How ACCESS_TOKEN is written: auto as it is stored, raw for readers, psoxy-json where psoxy rotates too; a connection's own follows as in auto,PREFIX=psoxy-json. The template's default: auto."
  default     = null
  validation {
    condition     = var.access_token_format == null ? true : can(regex("^(auto|raw|psoxy-json)(,[A-Za-z0-9_./-]+=(auto|raw|psoxy-json))*$", var.access_token_format))
    error_message = "The value must be auto, raw or psoxy-json, then optionally ,PREFIX=FORMAT per connection."
  }
}

variable "refresh_before" {
  type        = string
  description = "Rotate when the access token, which lives an hour, has less than this left; from 10m to 55m. The template's default: 25m."
  default     = null
  validation {
    condition     = var.refresh_before == null ? true : can(regex("^(1[0-9]|[2-4][0-9]|5[0-5])m$", var.refresh_before))
    error_message = "The value must be whole minutes from 10m to 55m, such as 25m."
  }
}

variable "family_lifetime_days" {
  type        = number
  description = "How long Atlassian lets a token family live after its consent, in days. The template's default: 365."
  default     = null
  validation {
    condition     = var.family_lifetime_days == null ? true : var.family_lifetime_days >= 1 && var.family_lifetime_days <= 3650
    error_message = "The value must be from 1 to 3650."
  }
}

variable "parameters_key" {
  type        = string
  description = "The key of the token parameters. alias/aws/ssm is what consumers such as psoxy can read as they are. stack is this stack's own key: name the consumers in ConsumerRoleArns. With the ARN of another key, its own policy must let this stack's role and the consumers in. The template's default: alias/aws/ssm."
  default     = null
  validation {
    condition     = var.parameters_key == null ? true : can(regex("^(alias/aws/ssm|stack|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)$", var.parameters_key))
    error_message = "The value must be alias/aws/ssm, stack, or the ARN of a KMS key (not of an alias)."
  }
}

variable "previous_parameters_keys" {
  type        = list(string)
  description = "After a change of ParametersKey, or of the stack: the keys that parameters may still be under, an earlier stack's own key among them. The functions may decrypt with them and nothing else. Take them out when all is rewritten. The template's default: none."
  default     = null
  validation {
    condition     = var.previous_parameters_keys == null ? true : alltrue([for member in var.previous_parameters_keys : can(regex("^(|arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+)$", member))])
    error_message = "The value must be empty or ARNs of KMS keys (not of aliases), separated by commas."
  }
}

variable "consumer_role_arns" {
  type        = list(string)
  description = "Roles that read the access tokens. They go into the policy of this stack's key, for ACCESS_TOKEN only, when ParametersKey is stack, or when PreviousParametersKeys is set. Each must exist. The template's default: none."
  default     = null
  validation {
    condition     = var.consumer_role_arns == null ? true : alltrue([for member in var.consumer_role_arns : can(regex("^(|arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=.@_/-]+)$", member))])
    error_message = "The value must be empty or ARNs of IAM roles or users, separated by commas."
  }
}

variable "stack_key" {
  type        = string
  description = "customer makes a KMS key for the queue, the logs, the topics and the function's environment, for 1 USD a month. none makes none; the queue, the logs and the environment then lie under keys of AWS, and the topics under none. The template's default: customer."
  default     = null
  validation {
    condition     = var.stack_key == null ? true : contains(["customer", "none"], var.stack_key)
    error_message = "The value must be one of customer, none."
  }
}

variable "schedule_expression" {
  type        = string
  description = "When to tick; at most five minutes apart. Every two minutes gives a token in doubt four more chances, for some cents a month at KMS. The template's default: rate(2 minutes)."
  default     = null
  validation {
    condition     = var.schedule_expression == null ? true : can(regex("^rate\\((1 minute|[2-5] minutes)\\)$", var.schedule_expression))
    error_message = "The value must be rate(1 minute) or rate(2 minutes) to rate(5 minutes). A spent token can be presented again for ten minutes only, so two ticks must fit in there."
  }
}

variable "schedule_state" {
  type        = string
  description = "DISABLED stops all rotations; a family dies after 90 days without one. The template's default: ENABLED."
  default     = null
  validation {
    condition     = var.schedule_state == null ? true : contains(["ENABLED", "DISABLED"], var.schedule_state)
    error_message = "The value must be one of ENABLED, DISABLED."
  }
}

variable "reserved_concurrency" {
  type        = number
  description = "1 reserves a single execution of the refresher, so that ticks never overlap, and two of the bootstrap function. 0 reserves none: for accounts whose limit is too small to reserve from (the deployment then fails with 1); the locks alone keep ticks apart. The template's default: 1."
  default     = null
  validation {
    condition     = var.reserved_concurrency == null ? true : contains([0, 1], var.reserved_concurrency)
    error_message = "The value must be one of 0, 1."
  }
}

variable "architecture" {
  type        = string
  description = "Must be what the binary was built for. make deploy LAMBDA_GOARCH=amd64 sets both to x86_64. The template's default: arm64."
  default     = null
  validation {
    condition     = var.architecture == null ? true : contains(["arm64", "x86_64"], var.architecture)
    error_message = "The value must be one of arm64, x86_64."
  }
}

variable "metric_namespace" {
  type        = string
  description = "CloudWatch namespace of the metrics; the stack's name is added to it, as in TokenKeeper/tokenkeeper, so that no stack's heartbeat can stand in for another's. Not AWS/…, which AWS keeps for itself. The template's default: TokenKeeper."
  default     = null
  validation {
    condition     = var.metric_namespace == null ? true : can(regex("^[A-Za-z0-9_./#-]{1,120}$", var.metric_namespace))
    error_message = "The value must be 1 to 120 of A-Z a-z 0-9 _ . / # -."
  }
}

variable "connection_metrics_limit" {
  type        = number
  description = "How many connections have a metric FamilyDaysRemaining of their own: those whose family ends first. Each costs 0.30 USD a month. Alarms on the least of all families do not depend on it. The template's default: 100."
  default     = null
  validation {
    condition     = var.connection_metrics_limit == null ? true : var.connection_metrics_limit >= 5 && var.connection_metrics_limit <= 10000
    error_message = "The value must be from 5 to 10000."
  }
}

variable "log_retention_days" {
  type        = number
  description = "How long logs are kept, in days. The template's default: 90."
  default     = null
  validation {
    condition     = var.log_retention_days == null ? true : contains([7, 14, 30, 60, 90, 120, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "The value must be one of 7, 14, 30, 60, 90, 120, 180, 365, 400, 545, 731."
  }
}

variable "first_warning_days" {
  type        = number
  description = "A ticket is filed when a token family has less than this many days left. Each warning must be below the one before. The template's default: 60."
  default     = null
  validation {
    condition     = var.first_warning_days == null ? true : contains([30, 45, 60, 75, 90, 120, 180], var.first_warning_days)
    error_message = "The value must be one of 30, 45, 60, 75, 90, 120, 180."
  }
}

variable "second_warning_days" {
  type        = number
  description = "The second ticket, in days before a family ends. The template's default: 30."
  default     = null
  validation {
    condition     = var.second_warning_days == null ? true : contains([14, 21, 30, 45, 60, 90], var.second_warning_days)
    error_message = "The value must be one of 14, 21, 30, 45, 60, 90."
  }
}

variable "third_warning_days" {
  type        = number
  description = "The third ticket, in days before a family ends. The template's default: 14."
  default     = null
  validation {
    condition     = var.third_warning_days == null ? true : contains([7, 10, 14, 21, 30], var.third_warning_days)
    error_message = "The value must be one of 7, 10, 14, 21, 30."
  }
}

variable "fourth_warning_days" {
  type        = number
  description = "The first page, in days before a family ends. The template's default: 7."
  default     = null
  validation {
    condition     = var.fourth_warning_days == null ? true : contains([3, 5, 7, 10, 14], var.fourth_warning_days)
    error_message = "The value must be one of 3, 5, 7, 10, 14."
  }
}

variable "last_warning_days" {
  type        = number
  description = "The last page, in days before a family ends; the same alarm pages at once when a family is lost. The template's default: 1."
  default     = null
  validation {
    condition     = var.last_warning_days == null ? true : contains([1, 2, 3, 5], var.last_warning_days)
    error_message = "The value must be one of 1, 2, 3, 5."
  }
}

variable "warning_scope" {
  type        = string
  description = "How the first four warnings see families. stack counts those that have passed a warning: an alarm that stands ends and sounds again, after an hour and a quarter, when a further family passes it. connection warns of each family by itself, by a Metrics Insights query, and costs 0.10 USD a month for each warning and connection. The template's default: stack."
  default     = null
  validation {
    condition     = var.warning_scope == null ? true : contains(["stack", "connection"], var.warning_scope)
    error_message = "The value must be one of stack, connection."
  }
}

variable "no_change_notification_hours" {
  type        = number
  description = "A second switch that depends on neither function nor metrics: Parameter Store itself pages when a refresh token was not written for so many hours (best effort). 0 is off. It moves REFRESH_TOKEN to the advanced tier for good, at 0.05 USD a month and connection. The template's default: 0."
  default     = null
  validation {
    condition     = var.no_change_notification_hours == null ? true : contains([0, 2, 3, 6, 12, 24, 48, 168], var.no_change_notification_hours)
    error_message = "The value must be one of 0, 2, 3, 6, 12, 24, 48, 168."
  }
}

variable "runbook_url" {
  type        = string
  description = "Where your on-call engineers read docs/runbook.md; every alarm links to its entry there. Without it every alarm names the command that shows the entry, tokenkeeper runbook. The template's default: none."
  default     = null
  validation {
    condition     = var.runbook_url == null ? true : can(regex("^[!#-;=?-\\[\\]-~]{0,200}$", var.runbook_url))
    error_message = "The value must be empty or a URL or a path of at most 200 characters without spaces, quotes, backslashes, < and >."
  }
}

variable "page_topic_arn" {
  type        = string
  description = "A topic of yours for the pages; empty makes one. A topic under alias/aws/sns never gets them: its key must let cloudwatch.amazonaws.com use kms:Decrypt and kms:GenerateDataKey*. The template's default: none."
  default     = null
  validation {
    condition     = var.page_topic_arn == null ? true : can(regex("^(|arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)$", var.page_topic_arn))
    error_message = "The value must be empty or the ARN of an SNS topic."
  }
}

variable "page_email" {
  type        = string
  description = "Subscribes an address to this stack's page topic; it must confirm a mail. Unused with PageTopicArn. The template's default: none."
  default     = null
  validation {
    condition     = var.page_email == null ? true : can(regex("^(|[^@ ]+@[^@ ]+)$", var.page_email))
    error_message = "The value must be empty or an e-mail address."
  }
}

variable "page_url" {
  type        = string
  description = "Subscribes a URL to this stack's page topic, such as PagerDuty's or Opsgenie's. Unused with PageTopicArn. The template's default: none."
  default     = null
  sensitive   = true
  validation {
    condition     = var.page_url == null ? true : can(regex("^(|https://[!-~]+)$", var.page_url))
    error_message = "The value must be empty or a URL that begins with https://."
  }
}

variable "ticket_topic_arn" {
  type        = string
  description = "A topic of yours for what can wait until the morning, as PageTopicArn; it may be the same. The template's default: none."
  default     = null
  validation {
    condition     = var.ticket_topic_arn == null ? true : can(regex("^(|arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+)$", var.ticket_topic_arn))
    error_message = "The value must be empty or the ARN of an SNS topic."
  }
}

variable "ticket_email" {
  type        = string
  description = "Subscribes an address to this stack's ticket topic; it must confirm a mail. Without it and TicketUrl, PageEmail gets the tickets too. Unused with TicketTopicArn. The template's default: none."
  default     = null
  validation {
    condition     = var.ticket_email == null ? true : can(regex("^(|[^@ ]+@[^@ ]+)$", var.ticket_email))
    error_message = "The value must be empty or an e-mail address."
  }
}

variable "ticket_url" {
  type        = string
  description = "Subscribes a URL to this stack's ticket topic. Unused with TicketTopicArn. The template's default: none."
  default     = null
  sensitive   = true
  validation {
    condition     = var.ticket_url == null ? true : can(regex("^(|https://[!-~]+)$", var.ticket_url))
    error_message = "The value must be empty or a URL that begins with https://."
  }
}

variable "hosted_consent" {
  type        = bool
  description = "true gives the bootstrap function a public URL with the pages of a consent in a browser. A consent still begins by an invocation with IAM only. Register the output ConsentCallbackUrl with the app. The template's default: false."
  default     = null
}

variable "consent_organization" {
  type        = string
  description = "Whom the pages of a hosted consent speak for, such as the name of your company. The template's default: none."
  default     = null
  validation {
    condition     = var.consent_organization == null ? true : can(regex("^[^\\x00-\\x1f\\x7f]{0,100}$", var.consent_organization))
    error_message = "The value must be one line of at most 100 characters."
  }
}

variable "consent_contact" {
  type        = string
  description = "Whom the pages tell people to ask: a mail address, an https address or a text. The template's default: none."
  default     = null
  validation {
    condition     = var.consent_contact == null ? true : can(regex("^[^\\x00-\\x1f\\x7f]{0,100}$", var.consent_contact))
    error_message = "The value must be one line of at most 100 characters."
  }
}

variable "atlassian_hosts" {
  type        = string
  description = "any lets the two URLs below be others than Atlassian's own, for tests. Whoever answers there gets the client secret and the refresh tokens. The template's default: official."
  default     = null
  validation {
    condition     = var.atlassian_hosts == null ? true : contains(["official", "any"], var.atlassian_hosts)
    error_message = "The value must be one of official, any."
  }
}

variable "atlassian_auth_url" {
  type        = string
  description = "Where tokens are exchanged. The template's default: https://auth.atlassian.com."
  default     = null
  validation {
    condition     = var.atlassian_auth_url == null ? true : can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?$", var.atlassian_auth_url))
    error_message = "The value must be an https origin without a path."
  }
}

variable "atlassian_api_url" {
  type        = string
  description = "Where the API of the sites is reached. The template's default: https://api.atlassian.com."
  default     = null
  validation {
    condition     = var.atlassian_api_url == null ? true : can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?$", var.atlassian_api_url))
    error_message = "The value must be an https origin without a path."
  }
}
