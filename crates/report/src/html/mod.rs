//! One self-contained page: no network, no script, opens from disk.
//!
//! `shell` is what every page of offtrail shares: head, style, policy, and the one way text from outside gets onto a page. `charts` draws. The others are
//! what one page says.

mod backtest;
mod charts;
mod comparison;
mod shell;

pub use backtest::{Backtest, LISTED_MAX, write_backtest_page};
pub use comparison::Compared;
