//! S3 through the AWS SDK: one runtime and one client per bucket's region, shared by listing and reading.

mod client;
mod error;
mod fetch;
mod gate;
mod list;
mod plan;

pub use client::aws_config;
pub(crate) use client::{Clients, Store};
pub(crate) use error::Outlook;
pub use error::S3Error;
pub(crate) use fetch::{Fetch, fetch};
pub(crate) use gate::{Gate, Ticket};
pub(crate) use list::decode;
pub(crate) use list::passes_over;
