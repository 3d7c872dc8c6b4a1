//! Where findings go, from the one text a user writes, and back into a text that may be shown.
//!
//! A webhook's URL is often its own password (Slack's is), so what is shown ends at the host, with eight hex digits of the URL's SHA-256
//! to tell two of them apart.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use sha2::{Digest as _, Sha256};

/// One receiver of findings.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard output, as JSON Lines: `-`.
    Stdout,
    /// A file, appended to as JSON Lines, or a pipe or device: a path.
    File(PathBuf),
    /// An HTTP endpoint that gets one POST a state: `https://…`, `http://…`, `chat+https://…`.
    Webhook {
        /// Where to.
        url: String,
        /// What the request carries.
        body: Body,
    },
    /// An SNS topic by its ARN: `arn:aws:sns:REGION:ACCOUNT:TOPIC`.
    Sns(String),
    /// An SQS queue by its URL: `https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE`, or any URL behind `sqs:`.
    Sqs(String),
    /// A bucket and the beginning of keys in it: `s3://BUCKET/PREFIX`.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What keys begin with, without a slash at either end; may be empty.
        prefix: String,
    },
}

/// What a webhook's request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The state itself, as JSON.
    Generic,
    /// `{"text": …}`, as chat tools take it.
    Chat,
}

/// A text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the sink `{shown}`: {why}")]
pub struct TargetError {
    shown: String,
    why: &'static str,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        // What goes wrong here may hold a secret behind its scheme.
        let fail = |why| TargetError {
            shown: text
                .split_once("://")
                .map_or_else(|| text.to_owned(), |(scheme, _)| format!("{scheme}://…")),
            why,
        };
        read(text).map_err(fail)
    }
}

fn read(text: &str) -> Result<Target, &'static str> {
    if text == "-" {
        return Ok(Target::Stdout);
    }
    if text.is_empty() {
        return Err("name `-`, a file, a URL, an SNS topic's ARN or s3://BUCKET/PREFIX");
    }
    if let Some(rest) = text.strip_prefix("s3://") {
        return bucket(rest);
    }
    if text.starts_with("arn:") {
        return topic(text);
    }
    if let Some(url) = text.strip_prefix("sqs:") {
        check_url(url)?;
        return Ok(Target::Sqs(url.to_owned()));
    }
    if let Some(url) = text.strip_prefix("chat+") {
        check_url(url)?;
        let (url, body) = (url.to_owned(), Body::Chat);
        return Ok(Target::Webhook { url, body });
    }
    if text.starts_with("https://") || text.starts_with("http://") {
        let uri = check_url(text)?;
        let url = text.to_owned();
        return Ok(match uri.host() {
            Some(host) if is_sqs(host) => Target::Sqs(url),
            _ => Target::Webhook {
                url,
                body: Body::Generic,
            },
        });
    }
    if text.contains("://") {
        return Err("write https://…, chat+https://…, sqs:https://… or s3://BUCKET/PREFIX");
    }
    if text.ends_with('/') {
        return Err("it is a folder; name a file in it");
    }
    Ok(Target::File(PathBuf::from(text)))
}

fn bucket(rest: &str) -> Result<Target, &'static str> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let named = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if bucket.len() < 3 || !bucket.chars().all(named) {
        return Err("a bucket's name has at least three letters, digits, dots or hyphens");
    }
    let prefix = prefix.trim_matches('/');
    if prefix.chars().any(char::is_control) || prefix.len() > 512 {
        return Err(
            "a prefix has at most 512 bytes and no control characters; choose a shorter one",
        );
    }
    Ok(Target::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    })
}

fn topic(arn: &str) -> Result<Target, &'static str> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts[..] {
        ["arn", partition, "sns", region, account, name]
            if partition.starts_with("aws")
                && !region.is_empty()
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && !name.is_empty() =>
        {
            Ok(Target::Sns(arn.to_owned()))
        }
        [_, _, "sqs", ..] => Err("name a queue by its URL: https://sqs.REGION.amazonaws.com/…"),
        [_, _, "s3", ..] => Err("name a bucket as s3://BUCKET/PREFIX"),
        _ => Err("a topic's ARN is arn:aws:sns:REGION:ACCOUNT:TOPIC"),
    }
}

fn check_url(url: &str) -> Result<Uri, &'static str> {
    let uri: Uri = url
        .parse()
        .map_err(|_| "it is no URL; escape what a URL can't hold (%20)")?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("https" | "http"), Some(authority)) if !authority.host().is_empty() => {
            if authority.as_str().contains('@') {
                return Err("leave name and password out of the URL");
            }
            Ok(uri)
        }
        _ => Err("a URL begins with https://HOST or http://HOST"),
    }
}

/// Whether a host is one of SQS's: `sqs.eu-west-1.amazonaws.com`, of a VPC endpoint, or the older `eu-west-1.queue.amazonaws.com`.
fn is_sqs(host: &str) -> bool {
    let aws = host.strip_suffix(".cn").unwrap_or(host);
    let Some(name) = aws.strip_suffix(".amazonaws.com") else {
        return false;
    };
    name.split('.')
        .any(|part| part == "sqs" || part == "sqs-fips")
        || name == "queue"
        || name.ends_with(".queue")
}

/// The region in a queue's URL, if it is one of SQS's own.
pub(crate) fn region_of_queue(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let host = uri.host().filter(|host| is_sqs(host))?;
    let parts: Vec<&str> = host.split('.').collect();
    parts.windows(2).find_map(|pair| match pair {
        ["sqs" | "sqs-fips", region] if *region != "amazonaws" => Some((*region).to_owned()),
        [region, "queue"] => Some((*region).to_owned()),
        _ => None,
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("-"),
            Self::File(path) => write!(f, "{}", path.display().to_string().escape_debug()),
            Self::Webhook { url, body } => {
                if *body == Body::Chat {
                    f.write_str("chat+")?;
                }
                f.write_str(&without_secrets(url))
            }
            Self::Sns(arn) => f.write_str(arn),
            // A queue's URL opens nothing by itself.
            Self::Sqs(url) => write!(f, "sqs:{url}"),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// As shown: a URL may be its own password.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

fn without_secrets(url: &str) -> String {
    let end = url.find("://").map_or(0, |at| at + 3).min(url.len());
    let host_end = url[end..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| end + at);
    let (host, rest) = url.split_at(host_end);
    if rest.is_empty() || rest == "/" {
        return host.to_owned();
    }
    let digest = Sha256::digest(url);
    let short: String = digest[..4].iter().map(|b| format!("{b:02x}")).collect();
    format!("{host}/…{short}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str, body: Body) -> Target {
        let url = url.into();
        Target::Webhook { url, body }
    }

    fn s3(bucket: &str, prefix: &str) -> Target {
        let (bucket, prefix) = (bucket.into(), prefix.into());
        Target::S3 { bucket, prefix }
    }

    #[test]
    fn a_text_names_a_target() {
        let check = |text: &str, expected: Target| assert_eq!(text.parse(), Ok(expected), "{text}");
        check("-", Target::Stdout);
        check(
            "out/findings.jsonl",
            Target::File("out/findings.jsonl".into()),
        );
        check(
            "https://soc.example.org/in?t=1",
            webhook("https://soc.example.org/in?t=1", Body::Generic),
        );
        check(
            "http://127.0.0.1:8080",
            webhook("http://127.0.0.1:8080", Body::Generic),
        );
        check(
            "chat+https://chat.example.org/hook",
            webhook("https://chat.example.org/hook", Body::Chat),
        );
        let arn = "arn:aws-cn:sns:cn-north-1:111122223333:findings.fifo";
        check(arn, Target::Sns(arn.into()));
        for url in [
            "https://sqs.eu-west-1.amazonaws.com/111122223333/q",
            "https://eu-west-1.queue.amazonaws.com/111122223333/q",
            "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/111122223333/q",
            "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q",
        ] {
            check(url, Target::Sqs(url.into()));
        }
        check(
            "sqs:http://127.0.0.1:9324/000000000000/q",
            Target::Sqs("http://127.0.0.1:9324/000000000000/q".into()),
        );
        check("s3://findings-bucket", s3("findings-bucket", ""));
        check("s3://findings-bucket/a/b/", s3("findings-bucket", "a/b"));
    }

    #[test]
    fn what_names_no_target_says_what_to_write() {
        let check = |text: &str, part: &str| {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("", "name `-`");
        check("out/", "name a file in it");
        check("ftp://hunter2/", "write https://");
        check(
            "https://user:hunter2@example.org/",
            "leave name and password out",
        );
        check("https://", "no URL");
        check("https:///hunter2", "no URL");
        check("chat+findings", "begins with https://");
        check("https://example.org/a b?hunter2", "no URL");
        check("arn:aws:sqs:eu-west-1:111122223333:q", "by its URL");
        check("arn:aws:sns:eu-west-1:1:q", "ARN is");
        check("s3://x/", "a bucket's name");
    }

    #[test]
    fn what_is_shown_keeps_the_secret() {
        let check = |text: &str, expected: &str| {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), expected);
            assert_eq!(format!("{target:?}"), format!("Target({expected})"));
        };
        check("-", "-");
        check("a.jsonl", "a.jsonl");
        check("https://example.org/", "https://example.org");
        check(
            "chat+https://hooks.example.org/T0/B0/hunter2",
            "chat+https://hooks.example.org/…9f9cfada",
        );
        check(
            "https://example.org?t=hunter2",
            "https://example.org/…f304f251",
        );
        check("s3://abc/d/", "s3://abc/d");
    }

    #[test]
    fn a_queue_tells_its_region() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(region_of_queue(url).as_deref(), expected, "{url}");
        };
        check("https://sqs.eu-west-1.amazonaws.com/1/q", Some("eu-west-1"));
        check(
            "https://eu-west-1.queue.amazonaws.com/1/q",
            Some("eu-west-1"),
        );
        check(
            "https://vpce-1.sqs.eu-west-1.vpce.amazonaws.com/1/q",
            Some("eu-west-1"),
        );
        check("https://queue.amazonaws.com/1/q", None);
        check("http://127.0.0.1:1/1/q", None);
    }
}
