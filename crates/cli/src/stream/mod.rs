//! What `offtrail stream` is made of, besides the command itself.

#[allow(dead_code, reason = "wired by the command")]
pub(crate) mod config;
#[allow(dead_code, reason = "wired by the command")]
pub(crate) mod copy;
#[allow(dead_code, reason = "wired by the command")]
pub(crate) mod logs;
#[allow(dead_code, reason = "wired by the command")]
pub(crate) mod metrics;
#[allow(dead_code, reason = "wired by the command")]
pub(crate) mod operate;
#[allow(dead_code, reason = "wired by the command")]
pub(crate) mod status;
