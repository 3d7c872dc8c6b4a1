//! One self-contained page: no network, opens from disk; the backtest's runs no script, that of findings a small one of its own.
//!
//! `shell` is what every page of offtrail shares: head, style, policy, and the one way text from outside gets onto a page. `charts` draws. The others are
//! what one page says.

mod backtest;
mod charts;
mod comparison;
mod findings;
mod shell;

pub use backtest::{Backtest, LISTED_MAX, write_backtest_page};
pub use comparison::Compared;
pub use findings::{
    EVIDENCE_IN_PAGE_MAX, FINDINGS_IN_PAGE_MAX, FindingsPage, Known, PAGE_BYTES_AIM,
    PROFILES_IN_PAGE_MAX, write_findings_page,
};
