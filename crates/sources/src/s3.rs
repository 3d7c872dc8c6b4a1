//! S3 through the AWS SDK: one runtime and one client per bucket's region, shared by listing and reading.

mod client;
mod error;
mod fetch;
mod gate;
mod list;
mod plan;

pub(crate) use client::{Clients, Store};
pub use error::S3Error;
pub(crate) use fetch::{Fetch, fetch};
pub(crate) use gate::{Gate, Ticket};
