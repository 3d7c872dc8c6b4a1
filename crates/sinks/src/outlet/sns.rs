//! An SNS topic: one message a state, with attributes to filter by and a subject for those who get it as mail.

use aws_config::{Region, SdkConfig};
use aws_sdk_sns::Client;
use aws_sdk_sns::config::Builder;
use aws_sdk_sns::config::retry::RetryConfig;
use aws_sdk_sns::types::MessageAttributeValue;

use crate::outlet::Answer;
use crate::outlet::aws::{Receiver, answer, attributes, fifo_id, message};
use crate::settings::Settings;
use crate::told::Told;

/// Codes of `Publish` that speak of the message ("Errors", Amazon SNS API Reference).
const REFUSALS: &[&str] = &[
    "InvalidParameter",
    "InvalidParameterValue",
    "ParameterValueInvalid",
];
/// Characters of a subject.
const SUBJECT_CHARS_MAX: usize = 100;

/// A topic.
pub(crate) struct Topic {
    client: Client,
    arn: String,
    fifo: bool,
    message_bytes_max: usize,
}

impl Topic {
    /// A topic, asked in the region of its ARN.
    pub(crate) fn new(config: &SdkConfig, arn: String, settings: &Settings) -> Self {
        let mut builder = Builder::from(config).retry_config(RetryConfig::disabled());
        if let Some(region) = arn.split(':').nth(3) {
            builder = builder.region(Region::new(region.to_owned()));
        }
        Self {
            client: Client::from_conf(builder.build()),
            fifo: arn.ends_with(".fifo"),
            arn,
            message_bytes_max: settings.message_bytes_max,
        }
    }
}

impl Receiver for Topic {
    async fn send(&self, state: &Told) -> Answer {
        let attributes = attributes(state);
        let subject = subject(state);
        let subject_bytes = subject.len();
        let bytes_max = self.message_bytes_max.saturating_sub(subject_bytes);
        let message = match message(state, &attributes, bytes_max) {
            Ok(message) => message,
            Err(refused) => return refused,
        };
        let mut request = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(subject)
            .message(message);
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build();
            match value {
                Ok(value) => request = request.message_attributes(name, value),
                Err(error) => return Answer::Refused(error.to_string()),
            }
        }
        if self.fifo {
            request = request
                .message_group_id(fifo_id(&state.id))
                .message_deduplication_id(fifo_id(&state.key));
        }
        match request.send().await {
            Ok(_) => Answer::Taken,
            Err(error) => answer(&error, REFUSALS),
        }
    }
}

/// `[high] title`, in the printable ASCII that a subject may hold.
fn subject(state: &Told) -> String {
    let plain = |c: char| if (' '..='~').contains(&c) { c } else { '?' };
    format!("[{}] {}", state.severity, state.title)
        .chars()
        .map(plain)
        .take(SUBJECT_CHARS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::state;

    #[test]
    fn a_subject_is_short_and_plain() {
        let mut state = state(1, "f1");
        state.title = format!("Röle\n{}", "x".repeat(200));
        let subject = subject(&state);
        assert!(subject.starts_with("[high] R?le?xxx"), "{subject}");
        assert_eq!(subject.len(), SUBJECT_CHARS_MAX);
    }
}
