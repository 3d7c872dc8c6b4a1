//! [`Shelf`]: where the ids of a day lie while they are not in memory. The engine does no IO: whoever has a disk brings one.

use std::error::Error;

use offtrail_event::{Day, Fingerprint};

/// Why a shelf could not be read or written; it says what was done to what.
pub type ShelfError = Box<dyn Error + Send + Sync>;

/// What becomes of fresh ids, those that were seen for the first time and not yet taken, when their day has to leave memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// They stay in memory, and their day with them, until [`crate::Repeats::take_fresh`] hands them to whoever commits them.
    Stay,
    /// They are laid on the shelf, which keeps them apart for whoever commits them.
    GoToShelf,
}

/// Keeps the ids of days that are not in memory.
pub trait Shelf: Send + Sync {
    /// What becomes of fresh ids.
    fn fresh(&self) -> Fresh;

    /// All ids of a day: of earlier runs, committed, and laid here. In any order.
    ///
    /// # Errors
    /// The shelf can't be read.
    fn fetch(&self, day: Day) -> Result<Vec<Fingerprint>, ShelfError>;

    /// Lays fresh ids of a day here; only asked for with [`Fresh::GoToShelf`].
    ///
    /// # Errors
    /// The shelf can't be written.
    fn lay(&self, day: Day, fresh: &[Fingerprint]) -> Result<(), ShelfError>;
}
