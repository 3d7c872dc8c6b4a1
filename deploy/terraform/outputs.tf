output "queue_url" {
  description = "For offtrail stream --queue"
  value       = aws_sqs_queue.trail.url
}

output "dead_letter_url" {
  description = "For offtrail stream --dead-letter"
  value       = aws_sqs_queue.dead.url
}

output "policy_arn" {
  description = "Attach it to the role offtrail runs as"
  value       = aws_iam_policy.read.arn
}
