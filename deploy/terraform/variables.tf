variable "name" {
  description = "Name of the queue, and the beginning of all other names"
  type        = string
  default     = "offtrail"
}

variable "trail_bucket" {
  description = "The bucket the trail is delivered to"
  type        = string
}

variable "trail_prefix" {
  description = "Beginning of the keys of the trail's objects"
  type        = string
  default     = "AWSLogs/"
}

variable "delivery" {
  description = "What fills the queue: s3 (the bucket notifies it), sns (a topic does), eventbridge"
  type        = string
  default     = "s3"
  validation {
    condition     = contains(["s3", "sns", "eventbridge"], var.delivery)
    error_message = "delivery is s3, sns or eventbridge"
  }
}

variable "trail_topic_arn" {
  description = "The topic that is told of new objects, for delivery = sns"
  type        = string
  default     = ""
}

variable "trail_kms_key_arn" {
  description = "The key the trail is encrypted with, if it is one of KMS"
  type        = string
  default     = null
}

variable "alarm_topic_arns" {
  description = "Topics that alarms go to"
  type        = list(string)
  default     = []
}
