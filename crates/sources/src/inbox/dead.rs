//! Where messages go that failed too often: another queue, or a file of JSON lines. Only when they are safe there are they deleted.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_sqs::types::MessageAttributeValue;
use serde::Serialize;

use crate::inbox::error::{InboxError, QueueError};
use crate::inbox::held::Held;
use crate::inbox::queue::Queue;
use crate::inbox::settings::{DeadLetter, InboxSettings};
use crate::item::shown;

/// Characters of a reason that go along with a dead letter, at most.
const WHY_CHARS_MAX: usize = 500;

/// The place for dead letters.
pub(super) enum DeadLetters {
    Queue(Queue),
    File {
        path: PathBuf,
        file: Mutex<File>,
        bytes_max: u64,
    },
}

/// A line of the file.
#[derive(Serialize)]
struct Letter<'a> {
    version: u32,
    queue: &'a str,
    message_id: &'a str,
    attempts: u32,
    why: &'a str,
    body: &'a str,
}

impl DeadLetters {
    /// The place that the settings name, checked.
    ///
    /// # Errors
    /// The queue isn't there or open to us; the file can't be written.
    pub(super) async fn open(
        letter: &DeadLetter,
        config: &SdkConfig,
        settings: &InboxSettings,
    ) -> Result<Self, InboxError> {
        match letter {
            DeadLetter::Queue(url) => {
                let queue = Queue::new(config, url, settings.wait)?;
                queue.check().await?;
                Ok(Self::Queue(queue))
            }
            DeadLetter::File(path) => Ok(Self::File {
                file: Mutex::new(append(path)?),
                path: path.clone(),
                bytes_max: settings.dead_letter_bytes_max,
            }),
        }
    }

    /// Makes a message of `from` a dead letter.
    ///
    /// # Errors
    /// It can't be sent or written now: one line.
    pub(super) async fn send(&self, from: &Queue, held: &Held, why: &str) -> Result<(), String> {
        let why: String = shown(why).chars().take(WHY_CHARS_MAX).collect();
        match self {
            Self::Queue(queue) => send(queue, from, held, &why)
                .await
                .map_err(|error| error.to_string()),
            Self::File {
                path,
                file,
                bytes_max,
            } => {
                let letter = Letter {
                    version: 1,
                    queue: &from.url,
                    message_id: &held.id,
                    attempts: held.attempts,
                    why: &why,
                    body: &held.body,
                };
                let file = file.lock().unwrap_or_else(PoisonError::into_inner);
                write(&file, &letter, *bytes_max).map_err(|why| {
                    format!(
                        "write dead letters to {:?}: {why}",
                        path.display().to_string()
                    )
                })
            }
        }
    }
}

fn append(path: &Path) -> Result<File, InboxError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|source| InboxError::DeadLetters {
            path: path.to_owned(),
            source,
        })
}

fn write(mut file: &File, letter: &Letter<'_>, bytes_max: u64) -> Result<(), String> {
    let mut line = serde_json::to_vec(letter).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let said = |error: std::io::Error| format!("{error}; make room or permit it");
    let length = file.metadata().map_err(said)?.len();
    if length.saturating_add(line.len() as u64) > bytes_max {
        return Err(format!(
            "the file would be larger than {bytes_max} bytes; look at it and move it away, or raise dead_letter_bytes_max"
        ));
    }
    let written = file.write_all(&line).and_then(|()| file.sync_data());
    written.map_err(|error| {
        // Half a line would spoil the next one.
        let _ = file.set_len(length);
        said(error)
    })
}

async fn send(queue: &Queue, from: &Queue, held: &Held, why: &str) -> Result<(), QueueError> {
    let text = |text: String| {
        let value = MessageAttributeValue::builder().data_type("String");
        value.string_value(text).build().ok()
    };
    let fifo = queue.name.ends_with(".fifo");
    let mut request = queue
        .client
        .send_message()
        .queue_url(&queue.url)
        .message_body(&held.body)
        .set_message_group_id(fifo.then(|| from.name.to_string()))
        .set_message_deduplication_id(fifo.then(|| held.id.clone()));
    let attributes = [
        ("offtrail-why", why.to_owned()),
        ("offtrail-queue", from.url.clone()),
        ("offtrail-message-id", held.id.clone()),
        ("offtrail-attempts", held.attempts.to_string()),
    ];
    for (name, value) in attributes {
        if let Some(value) = text(value) {
            request = request.message_attributes(name, value);
        }
    }
    request
        .send()
        .await
        .map(|_| ())
        .map_err(|error| QueueError::from_sdk(queue.doing("send a dead letter to"), &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_full_file_takes_no_more_and_stays_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.jsonl");
        let file = append(&path).unwrap();
        let letter = Letter {
            version: 1,
            queue: "https://h/1/t",
            message_id: "m",
            attempts: 5,
            why: "no JSON",
            body: "he said \"no\"\n",
        };
        write(&file, &letter, 1_000).unwrap();
        let line = std::fs::read_to_string(&path).unwrap();
        let why = write(&file, &letter, 150).unwrap_err();
        assert!(
            why.starts_with("the file would be larger than 150 bytes"),
            "{why}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), line);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["body"], "he said \"no\"\n");
    }
}
