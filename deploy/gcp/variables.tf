variable "project" {
  type        = string
  description = "The project of the secrets, the service and the alerts."
}

variable "location" {
  type        = string
  description = "The region of the service, such as europe-west1."
}

variable "image" {
  type        = string
  description = "The container: tokenkeeper as its entry point; see docs/gcp.md."
}

variable "name" {
  type        = string
  description = "The name of the service, and what the names of the rest begin with."
  default     = "tokenkeeper"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,17}[a-z0-9]$", var.name))
    error_message = "The name must have 6 to 19 lower-case letters, digits and hyphens, because service accounts are named after it."
  }
}

variable "connections" {
  type        = list(string)
  description = "What the secrets of each connection begin with; psoxy's are psoxy_JIRA_CLOUD_ or ENVIRONMENT_JIRA_CLOUD_."
  default     = ["psoxy_JIRA_CLOUD_"]
}

variable "prefix" {
  type        = string
  description = "What stands before the connections' names, if it is not part of them."
  default     = ""
}

variable "psoxy_makes_secrets" {
  type        = bool
  description = "psoxy's Terraform makes CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, ACCESS_TOKEN and OAUTH_REFRESH_TOKEN. Otherwise this module does."
  default     = true
}

variable "refresh_before" {
  type        = string
  description = "A rotation is due when the access token has less than this left."
  default     = "25m"
}

variable "family_lifetime_days" {
  type        = number
  description = "How long a consent lasts at Atlassian."
  default     = 365
}

variable "access_token_format" {
  type        = string
  description = "The form of ACCESS_TOKEN: raw, psoxy-json, or auto for the one that is stored."
  default     = "auto"
}

variable "first_warning_days" {
  type        = number
  description = "A ticket when a family has less left."
  default     = 60
}

variable "second_warning_days" {
  type        = number
  description = "A second ticket."
  default     = 30
}

variable "third_warning_days" {
  type        = number
  description = "A third ticket."
  default     = 14
}

variable "fourth_warning_days" {
  type        = number
  description = "A page when a family has less left."
  default     = 7
}

variable "last_warning_days" {
  type        = number
  description = "A family with less left needs a consent now: another page."
  default     = 1
}

variable "page_channels" {
  type        = list(string)
  description = "Notification channels (their full names) for what cannot wait until morning."
  default     = []
}

variable "ticket_channels" {
  type        = list(string)
  description = "Notification channels (their full names) for what can."
  default     = []
}

variable "page_email" {
  type        = string
  description = "An address that is paged, if there is no channel yet."
  default     = ""
}

variable "ticket_email" {
  type        = string
  description = "An address that gets tickets, if there is no channel yet."
  default     = ""
}

variable "paused" {
  type        = bool
  description = "The schedule is paused: nothing is rotated."
  default     = false
}

variable "runbook_url" {
  type        = string
  description = "Where the alerts say to look."
  default     = "https://github.com/tokenkeeper/tokenkeeper/blob/main/docs/runbook.md"
}
