//! One SQS queue: where it lies, whether it can be read, and the loop that receives its messages.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_config::{Region, SdkConfig};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};

use crate::inbox::desk::{Desk, Part};
use crate::inbox::error::QueueError;
use crate::inbox::held::{Holds, Received};

/// Messages a request brings, at most; SQS allows no more.
const MESSAGES_A_REQUEST: i32 = 10;
/// Attempts of one request by the SDK: the loops here ask again, and tell.
const ATTEMPTS: u32 = 2;
/// How much longer than the long poll an answer may take.
const ANSWER_SLACK: Duration = Duration::from_secs(10);

/// A queue and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) name: Arc<str>,
}

impl Queue {
    /// The way to a queue; nothing is asked yet.
    ///
    /// # Errors
    /// The URL is none.
    pub(super) fn new(config: &SdkConfig, url: &str, wait: Duration) -> Result<Self, QueueError> {
        let place = Place::of(url).ok_or_else(|| QueueError::url(url))?;
        let mut builder = aws_sdk_sqs::config::Builder::from(config)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        if let Some(timeouts) = config.timeout_config() {
            let timeouts = timeouts.to_builder().read_timeout(wait + ANSWER_SLACK);
            builder = builder.timeout_config(timeouts.build());
        }
        if let Some(region) = place.region {
            builder = builder.region(Region::new(region));
        }
        if let Some(endpoint) = place.endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        Ok(Self {
            client: Client::from_conf(builder.build()),
            url: url.to_owned(),
            name: place.name.into(),
        })
    }

    /// Whether the queue is there and open to us.
    ///
    /// # Errors
    /// It isn't; no credentials; no way there.
    pub(super) async fn check(&self) -> Result<(), QueueError> {
        self.client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| QueueError::from_sdk(self.doing("read"), &error))
    }

    /// What is being done, for an error.
    pub(super) fn doing(&self, what: &str) -> String {
        format!("{what} queue {}", self.url)
    }

    async fn receive(&self, desk: &Desk) -> Result<Vec<Message>, QueueError> {
        let settings = &desk.settings;
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(MESSAGES_A_REQUEST)
            .wait_time_seconds(whole_secs(settings.wait).min(20))
            .visibility_timeout(whole_secs(settings.visibility).max(1))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| QueueError::from_sdk(self.doing("receive from"), &error))?;
        Ok(answer.messages.unwrap_or_default())
    }
}

/// Receives a queue's messages until the inbox closes, as many as may be in hand at once.
pub(super) async fn receive_all(desk: Arc<Desk>, queue: Queue, feed: usize) {
    let mut wait = desk.settings.back_off;
    while has_room(&desk, feed).await {
        // A poll that is broken off may leave messages invisible until their time is up: they come again then.
        let answer = tokio::select! {
            biased;
            () = closing(&desk) => return,
            answer = queue.receive(&desk) => answer,
        };
        match answer {
            Ok(messages) => {
                wait = desk.settings.back_off;
                desk.went(feed, Part::Take, Ok(()));
                for message in messages {
                    take_in(&desk, feed, &queue.name, message);
                }
            }
            Err(error) => {
                desk.went(feed, Part::Take, Err(&error.to_string()));
                let _ = tokio::time::timeout(wait, closing(&desk)).await;
                wait = wait.saturating_mul(2).min(desk.settings.back_off_max);
            }
        }
    }
}

fn take_in(desk: &Desk, feed: usize, name: &Arc<str>, message: Message) {
    let attribute = |name| message.attributes.as_ref()?.get(&name)?.parse::<u64>().ok();
    let attempts = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    let sent = attribute(MessageSystemAttributeName::SentTimestamp);
    let (Some(id), Some(handle)) = (message.message_id, message.receipt_handle) else {
        desk.went(feed, Part::Take, Err("receive a message: it came without id or handle; look at what answers in place of SQS"));
        return;
    };
    let received = Received {
        id,
        handle,
        body: message.body.unwrap_or_default(),
        attempts: attempts
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        sent: sent.and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis))),
    };
    let (holds, skipped) = Holds::of(desk, feed, name, &received);
    desk.take_in(feed, received, holds, skipped);
}

/// Waits until more messages may be in hand; `false`: the inbox closes.
async fn has_room(desk: &Desk, feed: usize) -> bool {
    loop {
        let mut stirred = std::pin::pin!(desk.stir.notified());
        stirred.as_mut().enable();
        {
            let state = desk.state();
            let line = &state.feeds[feed];
            if state.closed {
                return false;
            }
            if line.in_hand < desk.settings.messages_held_max.max(1)
                && line.in_hand_bytes < desk.settings.message_bytes_held_max.max(1)
            {
                return true;
            }
        }
        stirred.await;
    }
}

/// Waits until the inbox closes.
async fn closing(desk: &Desk) {
    loop {
        let mut stirred = std::pin::pin!(desk.stir.notified());
        stirred.as_mut().enable();
        if desk.closed() {
            return;
        }
        stirred.await;
    }
}

/// Whole seconds, as SQS counts.
pub(super) fn whole_secs(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

/// What a queue's URL tells.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    name: String,
    /// The region in the host's name.
    region: Option<String>,
    /// The URL's own origin, where the host isn't SQS's public one: another server, a VPC endpoint.
    endpoint: Option<String>,
}

impl Place {
    fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/')?;
        let name = path.trim_end_matches('/').rsplit('/').next()?;
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"');
        let fits = matches!(scheme, "http" | "https")
            && !authority.is_empty()
            && !name.is_empty()
            && url.chars().all(plain);
        if !fits {
            return None;
        }
        let host = authority.split(':').next()?;
        let amazon = host
            .strip_suffix(".amazonaws.com")
            .or_else(|| host.strip_suffix(".amazonaws.com.cn"));
        let parts: Vec<&str> = amazon
            .map(|host| host.split('.').collect())
            .unwrap_or_default();
        let (region, public) = match parts[..] {
            ["sqs" | "sqs-fips", region] | [region, "queue"] => (Some(region), true),
            ["queue"] => (Some("us-east-1"), true),
            [.., "sqs", region, "vpce"] => (Some(region), false),
            _ => (None, false),
        };
        Some(Self {
            name: name.to_owned(),
            region: region.map(str::to_owned),
            endpoint: (!public).then(|| format!("{scheme}://{authority}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, name: &str, region: Option<&str>, endpoint: Option<&str>) {
        let expected = Place {
            name: name.into(),
            region: region.map(str::to_owned),
            endpoint: endpoint.map(str::to_owned),
        };
        assert_eq!(Place::of(url), Some(expected), "{url}");
    }

    #[test]
    fn urls_tell_name_region_and_endpoint() {
        let sqs = "https://sqs.eu-west-1.amazonaws.com/111122223333/trail";
        check(sqs, "trail", Some("eu-west-1"), None);
        check(
            "https://sqs.cn-north-1.amazonaws.com.cn/1/t",
            "t",
            Some("cn-north-1"),
            None,
        );
        check(
            "https://eu-west-1.queue.amazonaws.com/1/t",
            "t",
            Some("eu-west-1"),
            None,
        );
        check(
            "https://queue.amazonaws.com/1/t",
            "t",
            Some("us-east-1"),
            None,
        );
        let vpce = "https://vpce-1-2.sqs.us-east-2.vpce.amazonaws.com";
        check(&format!("{vpce}/1/t"), "t", Some("us-east-2"), Some(vpce));
        check(
            "http://127.0.0.1:5000/1/t.fifo",
            "t.fifo",
            None,
            Some("http://127.0.0.1:5000"),
        );
        for url in [
            "",
            "trail",
            "sqs://a/b",
            "https://sqs.eu-west-1.amazonaws.com",
            "https:///1/t",
            "https://h/",
            "https://h/1/a b",
            "https://h/1/t?x",
            "arn:aws:sqs:eu-west-1:111122223333:trail",
        ] {
            assert_eq!(Place::of(url), None, "{url}");
        }
    }
}
