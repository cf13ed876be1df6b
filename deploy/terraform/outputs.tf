# Written by `make terraform` from template.yaml: change that.

output "refresher_function_name" {
  description = "Invoke it by hand with deploy/sam/events/tick.json"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "RefresherFunctionName", null)
}

output "refresher_function_arn" {
  description = "ARN of the refresher"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "RefresherFunctionArn", null)
}

output "bootstrap_function_name" {
  description = "For tokenkeeper authorize --function"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "BootstrapFunctionName", null)
}

output "consent_callback_url" {
  description = "Register it as the callback URL of the app in the Atlassian developer console"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "ConsentCallbackUrl", null)
}

output "bootstrap_role_arn" {
  description = "Role of the bootstrap function, for the policy of a parameters' key that is not this stack's"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "BootstrapRoleArn", null)
}

output "refresher_role_arn" {
  description = "Role of the refresher, for the policy of a parameters' key that is not this stack's"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "RefresherRoleArn", null)
}

output "dead_letters_url" {
  description = "URL of the dead-letter queue"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "DeadLettersUrl", null)
}

output "key_arn" {
  description = "ARN of this stack's key; seed SecureString parameters with it when ParametersKey is stack"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "KeyArn", null)
}

output "log_group_name" {
  description = "Log group of the refresher"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "LogGroupName", null)
}

output "dashboard_url" {
  description = "The dashboard"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "DashboardUrl", null)
}

output "pages_reach" {
  description = "Whom this stack has subscribed to its pages"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "PagesReach", null)
}

output "tickets_reach" {
  description = "Whom this stack has subscribed to its tickets"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "TicketsReach", null)
}

output "page_topic" {
  description = "ARN of the topic that pages go to"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "PageTopic", null)
}

output "ticket_topic" {
  description = "ARN of the topic that tickets go to"
  value       = lookup(aws_cloudformation_stack.tokenkeeper.outputs, "TicketTopic", null)
}
