//! A bucket: one object a state, under its day and its key, so that writing it twice is writing it once.
//!
//! The partition names are those Athena, Glue and Spark find by themselves (`year=2026/month=08/day=31`).

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::primitives::ByteStream;
use hyper::Uri;

use crate::outlet::Answer;
use crate::outlet::aws::{Receiver, answer};
use crate::told::Told;

/// Codes of `PutObject` that speak of the object ("Error responses", Amazon S3 API Reference).
const REFUSALS: &[&str] = &["EntityTooLarge", "KeyTooLongError"];

/// A bucket and the beginning of keys in it.
pub(crate) struct Bucket {
    /// Replaced when the bucket says that it lies elsewhere.
    client: Mutex<Client>,
    config: SdkConfig,
    bucket: String,
    prefix: String,
}

impl Bucket {
    /// A bucket, asked in the configured region first and then where it says it lies.
    pub(crate) fn new(config: &SdkConfig, bucket: String, prefix: String) -> Self {
        Self {
            client: Mutex::new(client(config, None)),
            config: config.clone(),
            bucket,
            prefix,
        }
    }

    fn client(&self) -> Client {
        let client = self.client.lock();
        client.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether to ask again, in the region that an answer named.
    fn follow(&self, asked: &Client, region: &str) -> bool {
        let known = asked.config().region().map(AsRef::as_ref);
        if known == Some(region) {
            return false;
        }
        let moved = client(&self.config, Some(region));
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = moved;
        true
    }
}

impl Receiver for Bucket {
    async fn send(&self, state: &Told) -> Answer {
        let Some(key) = key(&self.prefix, state) else {
            return Answer::Refused(format!("its time names no day: {:?}", state.time));
        };
        let line = format!("{}\n", state.line);
        let mut moves_left = 1;
        loop {
            let client = self.client();
            let sent = client
                .put_object()
                .bucket(&self.bucket)
                .key(&key)
                .content_type("application/x-ndjson")
                .body(ByteStream::from(line.clone().into_bytes()))
                .send()
                .await;
            let Err(error) = sent else {
                return Answer::Taken;
            };
            let headers = error.raw_response().map(|raw| raw.headers());
            let region = headers.and_then(|headers| headers.get("x-amz-bucket-region"));
            if moves_left > 0 && region.is_some_and(|region| self.follow(&client, region)) {
                moves_left -= 1;
                continue;
            }
            return answer(&error, REFUSALS);
        }
    }
}

fn client(config: &SdkConfig, region: Option<&str>) -> Client {
    let mut builder = Builder::from(config).retry_config(RetryConfig::disabled());
    if let Some(region) = region {
        builder = builder.region(Region::new(region.to_owned()));
    }
    let endpoint = config
        .endpoint_url()
        .map(str::to_owned)
        .or_else(|| std::env::var("AWS_ENDPOINT_URL_S3").ok());
    let local = endpoint.is_some_and(|endpoint| is_local(&endpoint));
    Client::from_conf(builder.force_path_style(local).build())
}

/// Whether an endpoint can't carry a bucket in its host name: an IP address, or this machine.
fn is_local(endpoint: &str) -> bool {
    let Ok(uri) = endpoint.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost")
}

/// `prefix/year=2026/month=08/day=31/KEY.jsonl`; what an object's key had better not hold is escaped as in URLs.
fn key(prefix: &str, state: &Told) -> Option<String> {
    let day = state.time.get(..10)?;
    let parts: Vec<&str> = day.split('-').collect();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let [year, month, day] = parts[..] else {
        return None;
    };
    let shaped = [(year, 4), (month, 2), (day, 2)]
        .iter()
        .all(|(text, length)| text.len() == *length && digits(text));
    if !shaped {
        return None;
    }
    let mut name = String::new();
    for byte in state.key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                name.push(char::from(byte));
            }
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    let folder = match prefix {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    Some(format!(
        "{folder}year={year}/month={month}/day={day}/{name}.jsonl"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::state;

    #[test]
    fn a_state_lies_under_its_day() {
        let check = |prefix: &str, time: &str, expected: Option<&str>| {
            let mut state = state(1, "f/1");
            state.time = time.into();
            assert_eq!(key(prefix, &state).as_deref(), expected, "{time}");
        };
        let name = "f%2F1-0000000000000001.jsonl";
        let day = "year=2026/month=08/day=31";
        check("", "2026-08-31T10:43:44Z", Some(&format!("{day}/{name}")));
        check(
            "a/b",
            "2026-08-31T10:43:44Z",
            Some(&format!("a/b/{day}/{name}")),
        );
        for time in ["", "yesterday!", "2026-8-31T", "2026-08", "2026-08-3é"] {
            check("", time, None);
        }
    }

    #[test]
    fn endpoints_without_room_for_a_bucket_are_known() {
        for (endpoint, expected) in [
            ("http://127.0.0.1:5000", true),
            ("http://[::1]:5000/", true),
            ("https://LOCALHOST", true),
            ("https://s3.eu-west-1.amazonaws.com", false),
            ("", false),
        ] {
            assert_eq!(is_local(endpoint), expected, "{endpoint}");
        }
    }
}
