# tokenkeeper beside a psoxy deployment: psoxy reads the token, tokenkeeper keeps it alive.
#
# Apply psoxy first: its Terraform makes the parameters, and fails on those that a consent has made already. Then apply
# this, and give the consent with `tokenkeeper authorize`.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

# The same key as psoxy's aws_ssm_key_id, if you set that. It must be the ARN of a key, not of an alias.
variable "aws_ssm_key_id" {
  type    = string
  default = null
}

module "tokenkeeper" {
  source = "../.."

  release       = "v1.0.0"
  bucket        = "example-artifacts-eu-west-1"
  bucket_prefix = "tokenkeeper/"

  # Psoxy's root path and upper-case environment name, then _JIRA_CLOUD_.
  connections         = ["PSOXY_JIRA_CLOUD_"]
  access_token_format = "raw"
  parameters_key      = var.aws_ssm_key_id

  # Psoxy may read and write all that begins with its prefix; the ledger is the truth about the family.
  ledger_path = "/tokenkeeper-ledgers"

  page_email = "on-call@example.com"
}

# In psoxy's own configuration, make the connector a reader (docs/psoxy.md):
#
#   { source_auth_strategy = "oauth2_access_token" }

output "pages_reach" {
  value = module.tokenkeeper.pages_reach
}
