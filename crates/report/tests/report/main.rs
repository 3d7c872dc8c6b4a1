//! What a reader of the report sees: snapshots of every format, and the law that nothing in it acts on a terminal.
#![allow(clippy::unwrap_used)]

mod backtest;
mod findings_page;
mod handmade;
mod laws;
mod queries;
mod snapshots;
