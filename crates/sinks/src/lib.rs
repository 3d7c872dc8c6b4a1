//! States of findings on their way out: standard output, files, webhooks, SNS, SQS, S3.
//!
//! A [`Sink`] is one receiver with a bounded queue and a thread of its own. It delivers in order, tries again for as long as a receiver is
//! down, and says up to where everything is delivered ([`Sink::taken`]), so that whoever keeps the states may forget them. What a receiver
//! refuses for good is passed over and handed back ([`Sink::take_refused`]); nothing is dropped. The crate sees a state as a line of JSON
//! and a few texts about it; it knows no detector and no store. Formats and guarantees: `docs/sinks.md`.
#![allow(
    clippy::disallowed_methods,
    reason = "this crate is one of the edges: disk, network, clock and threads are its work"
)]

mod backoff;
mod outlet;
mod pump;
mod queue;
mod settings;
mod shorten;
mod sink;
mod target;
mod told;

pub use outlet::OutletError;
pub use settings::{
    ANSWER_BYTES_MAX, BACKOFF_FIRST, BACKOFF_MAX, CHAT_CHARS_MAX, DETAIL_CHARS_MAX, FILE_BATCH_MAX,
    IN_FLIGHT_MAX, MESSAGE_BYTES_MAX, QUEUE_BYTES_MAX, QUEUE_MAX, RETRY_AFTER_MAX, Secret,
    Settings, TAIL_BYTES_MAX, TIMEOUT,
};
pub use sink::{Sink, SinkError, Status};
pub use target::{Body, Target, TargetError};
pub use told::Told;
