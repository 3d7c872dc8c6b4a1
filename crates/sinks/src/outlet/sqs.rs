//! An SQS queue: one message a state; in a FIFO queue the finding is the group and the state's key what repeats are known by.

use aws_config::{Region, SdkConfig};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::MessageAttributeValue;
use hyper::Uri;

use crate::outlet::Answer;
use crate::outlet::aws::{Receiver, answer, attributes, fifo_id, message};
use crate::settings::Settings;
use crate::target::region_of_queue;
use crate::told::Told;

/// Codes of `SendMessage` that speak of the message ("Errors", Amazon SQS API Reference).
const REFUSALS: &[&str] = &[
    "InvalidMessageContents",
    "InvalidParameterValue",
    "MessageTooLong",
];

/// A queue.
pub(crate) struct Queue {
    client: Client,
    url: String,
    fifo: bool,
    message_bytes_max: usize,
}

impl Queue {
    /// A queue, asked in the region of its URL; where that is none of SQS's and no endpoint is configured, at the URL's own host.
    pub(crate) fn new(config: &SdkConfig, url: String, settings: &Settings) -> Self {
        let mut builder = Builder::from(config).retry_config(RetryConfig::disabled());
        match region_of_queue(&url) {
            Some(region) => builder = builder.region(Region::new(region)),
            None if config.endpoint_url().is_none() => {
                if let Some(endpoint) = endpoint_of(&url) {
                    builder = builder.endpoint_url(endpoint);
                }
            }
            None => {}
        }
        Self {
            client: Client::from_conf(builder.build()),
            fifo: url.ends_with(".fifo"),
            url,
            message_bytes_max: settings.message_bytes_max,
        }
    }
}

fn endpoint_of(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme()?, uri.authority()?))
}

impl Receiver for Queue {
    async fn send(&self, state: &Told) -> Answer {
        let attributes = attributes(state);
        let message = match message(state, &attributes, self.message_bytes_max) {
            Ok(message) => message,
            Err(refused) => return refused,
        };
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message);
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
