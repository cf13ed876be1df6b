# tokenkeeper's stack, from a release: the template as CloudFormation takes it, and the functions' archives in a bucket.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "release" {
  type        = string
  description = "The release to deploy, such as v1.2.3. Its files must be in the bucket, or in release_directory."
  validation {
    condition     = can(regex("^v[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9A-Za-z.-]+)?$", var.release))
    error_message = "The value must be a version such as v1.2.3."
  }
}

variable "bucket" {
  type        = string
  description = "A bucket of yours in the stack's region that holds the release's files, or is to hold them."
}

variable "bucket_prefix" {
  type        = string
  default     = "tokenkeeper/"
  description = "What the files' names in the bucket begin with: empty, or a path that ends with a slash."
  validation {
    condition     = var.bucket_prefix == "" || endswith(var.bucket_prefix, "/")
    error_message = "The value must be empty or end with a slash."
  }
}

variable "release_directory" {
  type        = string
  default     = null
  description = "A folder with the release's files, such as build/release, to copy into the bucket. Without it they must be there."
}

variable "stack_name" {
  type        = string
  default     = "tokenkeeper"
  description = "The stack's name, which alarms, topics and metrics have in theirs."
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,53}$", var.stack_name))
    error_message = "The value must begin with a letter and have 54 letters, digits and hyphens at most."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of the stack and all that it makes."
}

locals {
  template = "tokenkeeper_${var.release}_template.json"
  archives = [
    for file in ["refresher_arm64", "refresher_x86_64", "bootstrap_arm64", "bootstrap_x86_64"] : "tokenkeeper_${var.release}_${file}.zip"
  ]
}

data "aws_s3_bucket" "release" {
  bucket = var.bucket
}

resource "aws_s3_object" "release" {
  for_each = var.release_directory == null ? toset([]) : toset(concat([local.template], local.archives))

  bucket      = var.bucket
  key         = "${var.bucket_prefix}${each.value}"
  source      = "${var.release_directory}/${each.value}"
  source_hash = filesha256("${var.release_directory}/${each.value}")
}

resource "aws_cloudformation_stack" "tokenkeeper" {
  name         = var.stack_name
  capabilities = ["CAPABILITY_IAM"]
  # Larger than what can be sent in a request.
  template_url = "https://${data.aws_s3_bucket.release.bucket_regional_domain_name}/${var.bucket_prefix}${local.template}"
  parameters = merge(
    { for name, value in local.parameters : name => value if value != null },
    { CodeBucket = var.bucket, CodePrefix = var.bucket_prefix },
  )
  tags = var.tags

  depends_on = [aws_s3_object.release]
}
