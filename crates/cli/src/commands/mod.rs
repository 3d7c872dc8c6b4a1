//! One command, one file, one `run`.

pub(crate) mod backfill;
pub(crate) mod backtest;
pub(crate) mod baseline;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod detect;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod man;
pub(crate) mod merge;
mod named;
pub(crate) mod partial;
pub(crate) mod report;
pub(crate) mod settings;
pub(crate) mod simulate;
pub(crate) mod stream;
