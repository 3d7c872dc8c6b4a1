# The queue a stream reads, its dead letters, what fills it, the policy to read both, and the alarms that should wake somebody.
#
# It goes where the trail's bucket is: S3 notifies queues and topics of the bucket's own region only.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

data "aws_region" "here" {}

locals {
  bucket_arn = "arn:aws:s3:::${var.trail_bucket}"
  # Who puts messages into the queue, and on behalf of what.
  senders = {
    s3          = { service = "s3.amazonaws.com", source = local.bucket_arn }
    sns         = { service = "sns.amazonaws.com", source = var.trail_topic_arn }
    eventbridge = { service = "events.amazonaws.com", source = try(aws_cloudwatch_event_rule.delivered[0].arn, "") }
  }
  sender = local.senders[var.delivery]
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "trail" {
  name = var.name
  # A stream that is down loses nothing for so long.
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 120
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  # Later than offtrail's own --deliveries-max: what offtrail gives up carries the reason, what SQS gives up doesn't.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 50
  })
}

data "aws_iam_policy_document" "fill" {
  statement {
    sid       = "Fill"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.trail.arn]
    principals {
      type        = "Service"
      identifiers = [local.sender.service]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [local.sender.source]
    }
  }
}

resource "aws_sqs_queue_policy" "fill" {
  queue_url = aws_sqs_queue.trail.id
  policy    = data.aws_iam_policy_document.fill.json
}

# Variant 1: the bucket tells the queue. This resource owns ALL notifications of the bucket: where there are others, put the queue among them instead.
resource "aws_s3_bucket_notification" "delivered" {
  count  = var.delivery == "s3" ? 1 : 0
  bucket = var.trail_bucket
  queue {
    queue_arn     = aws_sqs_queue.trail.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.trail_prefix
    filter_suffix = ".json.gz"
  }
  depends_on = [aws_sqs_queue_policy.fill]
}

# Variant 2: the bucket, or the trail, already tells a topic.
resource "aws_sns_topic_subscription" "delivered" {
  count                = var.delivery == "sns" ? 1 : 0
  topic_arn            = var.trail_topic_arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.trail.arn
  raw_message_delivery = true
}

# Variant 3: EventBridge, which the bucket must be told to send to (Properties, Amazon EventBridge: on).
resource "aws_cloudwatch_event_rule" "delivered" {
  count = var.delivery == "eventbridge" ? 1 : 0
  name  = var.name
  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [var.trail_bucket] }
      object = { key = [{ prefix = var.trail_prefix }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "delivered" {
  count = var.delivery == "eventbridge" ? 1 : 0
  rule  = aws_cloudwatch_event_rule.delivered[0].name
  arn   = aws_sqs_queue.trail.arn
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "ReadTheTrail"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.trail_prefix}*"]
  }
  # Without it S3 says "forbidden" of an object that is gone.
  statement {
    sid       = "TellAnObjectThatIsGoneFromOneThatIsForbidden"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }
  statement {
    sid = "WorkTheQueue"
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [aws_sqs_queue.trail.arn]
  }
  statement {
    sid       = "PutDeadLetters"
    actions   = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.dead.arn]
  }
  dynamic "statement" {
    for_each = var.trail_kms_key_arn == null ? [] : [var.trail_kms_key_arn]
    content {
      sid       = "DecryptTheTrail"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["s3.${data.aws_region.here.name}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_policy" "read" {
  name        = "${var.name}-stream"
  description = "What offtrail stream needs to read the trail"
  policy      = data.aws_iam_policy_document.read.json
}

# Nobody reads the queue, or not fast enough.
resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "${var.name}-behind"
  alarm_description   = "The oldest delivery of the trail waits for more than 15 minutes"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.trail.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

# Something came that offtrail can't use.
resource "aws_cloudwatch_metric_alarm" "dead" {
  alarm_name          = "${var.name}-dead-letters"
  alarm_description   = "Deliveries of the trail became dead letters"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
}

# Nothing is delivered at all: the trail was stopped, or the notification taken away.
resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name          = "${var.name}-silent"
  alarm_description   = "No delivery of the trail in an hour"
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesSent"
  dimensions          = { QueueName = aws_sqs_queue.trail.name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "LessThanThreshold"
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_topic_arns
}
