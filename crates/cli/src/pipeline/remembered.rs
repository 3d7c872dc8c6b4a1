//! The shelf of event ids: what a baseline remembers, and a temporary file for what isn't committed yet.

use std::sync::Arc;

use offtrail_engine::{Fresh, REPEATS_IN_MEMORY_MAX, Repeats, Shelf, ShelfError};
use offtrail_event::{Day, Fingerprint};
use offtrail_store::{EventIds, Store};

struct OnDisk {
    ids: Arc<EventIds>,
    fresh: Fresh,
}

impl Shelf for OnDisk {
    fn fresh(&self) -> Fresh {
        self.fresh
    }

    fn fetch(&self, day: Day) -> Result<Vec<Fingerprint>, ShelfError> {
        Ok(self.ids.fetch(day)?)
    }

    fn lay(&self, day: Day, fresh: &[Fingerprint]) -> Result<(), ShelfError> {
        Ok(self.ids.lay(day, fresh)?)
    }
}

/// All that a baseline remembers, for a run that commits what it sees every so often.
///
/// # Errors
/// The store can't be opened once more.
pub(crate) fn committed_often(store: &Store) -> anyhow::Result<Repeats> {
    Ok(over(&Arc::new(store.event_ids()?), Fresh::Stay))
}

/// The same for a run that commits at its end, with what was laid aside until then.
///
/// # Errors
/// The store can't be opened once more.
pub(crate) fn committed_at_the_end(store: &Store) -> anyhow::Result<(Repeats, Arc<EventIds>)> {
    let ids = Arc::new(store.event_ids()?);
    Ok((over(&ids, Fresh::GoToShelf), ids))
}

/// For a run that commits nothing.
///
/// # Errors
/// SQLite refuses.
pub(crate) fn never_committed() -> anyhow::Result<Repeats> {
    let ids = Arc::new(EventIds::without_baseline()?);
    Ok(over(&ids, Fresh::GoToShelf))
}

fn over(ids: &Arc<EventIds>, fresh: Fresh) -> Repeats {
    let ids = Arc::clone(ids);
    Repeats::over(Box::new(OnDisk { ids, fresh }), REPEATS_IN_MEMORY_MAX)
}
