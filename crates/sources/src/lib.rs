//! Files, folders, standard input, S3 and SQS as deliveries: bytes and where they came from.
//!
//! Archives, in two steps. [`Sources::list`] names what there is to read, sorted, without opening any of it. [`Sources::read`] hands those items
//! out in that order, one [`Delivery`] per call, to as many synchronous threads as ask; S3 objects are fetched ahead of need inside.
//! Streams: [`Inbox::next`] hands out what queues, followed folders and standard input bring, each with a [`Receipt`] by which it is acknowledged.
//!
//! Nothing here looks into the bytes: the crate knows CloudTrail's *keys* (where the day and the account stand, see [`Layout`]), never
//! its records.
#![allow(
    clippy::disallowed_methods,
    reason = "this crate is one of the edges: reading files, the network and the environment is its work"
)]

mod announced;
mod failure;
mod folder;
mod inbox;
mod inventory;
mod item;
mod items;
mod layout;
mod listing;
mod name;
mod range;
mod reader;
mod s3;
mod settings;
mod source;

pub use announced::{
    AsDatabase, AsDatabaseError, AutonomousSystem, DATABASE_BYTES_MAX, Looked, NETWORKS_WALKED_MAX,
    ORGANISATION_CHARS_MAX, RECORDS_PROBED_MAX,
};
pub use inbox::{
    Announced, Arrival, BACK_OFF, BACK_OFF_MAX, CHUNK_BYTES_MAX, CHUNK_WAIT, DEAD_LETTER_BYTES_MAX,
    DELIVERIES_MAX, DeadLetter, FILES_AHEAD_MAX, FOLDER_POLL, FOLLOWED_FILES_MAX, Feed, FeedStatus,
    Inbox, InboxError, InboxSettings, Known, LINE_BYTES_MAX, LINES_AHEAD_BYTES_MAX, LONG_POLL,
    MESSAGE_BYTES_HELD_MAX, MESSAGES_HELD_MAX, Next, Notice, NoticeError, QueueError, RECEIVERS,
    RETRY_WAIT, Receipt, Skipped, VISIBILITY, WRAPPINGS_MAX,
};
pub use inventory::{INVENTORY_FILES_MAX, INVENTORY_LINE_BYTES_MAX, InventoryError};
pub use item::{Fingerprint, Item, Provenance};
pub use items::{Items, ItemsError, LIST_BYTES_MAX, SORTED_AT_ONCE_MAX};
pub use layout::{Day, Layout, LayoutKind};
pub use listing::{ListError, Listing, Problem, Pruned, Sources};
pub use name::{NameError, NoName};
pub use range::TimeRange;
pub use reader::{Delivery, ReadError, Reader};
pub use s3::{S3Error, aws_config};
pub use settings::{
    ATTEMPTS_MAX, CONNECT_TIMEOUT, FANOUT_MAX, IN_FLIGHT, IN_FLIGHT_BYTES_MAX, IN_FLIGHT_MAX,
    LATENESS_SECS_MAX, LIST_IN_FLIGHT_MAX, LIST_PAGE_SIZE, OBJECT_BYTES_MAX, READ_TIMEOUT, Role,
    S3Settings, STDIN_BYTES_MAX, Settings,
};
pub use source::{Source, SourceError};
