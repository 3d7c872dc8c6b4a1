//! The shelf of event ids: what a baseline remembers, and a temporary file for what isn't committed yet.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use offtrail_engine::{Fresh, REPEATS_IN_MEMORY_MAX, Repeats, Shelf, ShelfError};
use offtrail_event::{Day, Fingerprint};
use offtrail_store::{EventIds, Store};

/// Events seen for the first time since the last checkpoint, sorted.
pub(crate) type FreshIds = Vec<(Day, Fingerprint)>;

/// Ids on their way into the baseline: no longer fresh and not to be read from it yet.
#[derive(Debug, Default)]
pub(crate) struct Uncommitted(Mutex<VecDeque<Arc<FreshIds>>>);

impl Uncommitted {
    /// Tells them until they are committed. To be called before anything asks for a day again.
    pub(crate) fn hold(&self, fresh: &Arc<FreshIds>) {
        self.held().push_back(Arc::clone(fresh));
    }

    /// Those held longest can be read from the baseline.
    pub(crate) fn committed(&self) {
        self.held().pop_front();
    }

    fn of(&self, day: Day) -> Vec<Fingerprint> {
        let mut ids = Vec::new();
        for fresh in &*self.held() {
            let begin = fresh.partition_point(|(other, _)| *other < day);
            let of_day = fresh[begin..].iter().take_while(|(other, _)| *other == day);
            ids.extend(of_day.map(|(_, id)| *id));
        }
        ids
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Arc<FreshIds>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct OnDisk {
    ids: Arc<EventIds>,
    fresh: Fresh,
    uncommitted: Arc<Uncommitted>,
}

impl Shelf for OnDisk {
    fn fresh(&self) -> Fresh {
        self.fresh
    }

    fn fetch(&self, day: Day) -> Result<Vec<Fingerprint>, ShelfError> {
        // These first: committed in between, they are told twice and not missed.
        let mut ids = self.uncommitted.of(day);
        ids.extend(self.ids.fetch(day)?);
        Ok(ids)
    }

    fn lay(&self, day: Day, fresh: &[Fingerprint]) -> Result<(), ShelfError> {
        Ok(self.ids.lay(day, fresh)?)
    }
}

/// All that a baseline remembers, for a run that commits what it sees every so often; with a place for what it has taken to commit.
///
/// # Errors
/// The store can't be opened once more.
pub(crate) fn committed_often(store: &Store) -> anyhow::Result<(Repeats, Arc<Uncommitted>)> {
    let uncommitted = Arc::default();
    let repeats = shelved(OnDisk {
        ids: Arc::new(store.event_ids()?),
        fresh: Fresh::Stay,
        uncommitted: Arc::clone(&uncommitted),
    });
    Ok((repeats, uncommitted))
}

/// The same for a run that commits at its end, with what was laid aside until then.
///
/// # Errors
/// The store can't be opened once more.
pub(crate) fn committed_at_the_end(store: &Store) -> anyhow::Result<(Repeats, Arc<EventIds>)> {
    let ids = Arc::new(store.event_ids()?);
    Ok((laid_aside(&ids), ids))
}

/// For a run that commits nothing.
///
/// # Errors
/// SQLite refuses.
pub(crate) fn never_committed() -> anyhow::Result<Repeats> {
    let ids = Arc::new(EventIds::without_baseline()?);
    Ok(laid_aside(&ids))
}

fn laid_aside(ids: &Arc<EventIds>) -> Repeats {
    shelved(OnDisk {
        ids: Arc::clone(ids),
        fresh: Fresh::GoToShelf,
        uncommitted: Arc::default(),
    })
}

fn shelved(shelf: OnDisk) -> Repeats {
    Repeats::over(Box::new(shelf), REPEATS_IN_MEMORY_MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_day_holds_what_is_on_its_way_into_the_baseline() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create_or_open(folder.path().join("b.db")).unwrap();
        let uncommitted = Arc::<Uncommitted>::default();
        let shelf = OnDisk {
            ids: Arc::new(store.event_ids().unwrap()),
            fresh: Fresh::Stay,
            uncommitted: Arc::clone(&uncommitted),
        };
        let id = |number: u16| (Day(number / 10), Fingerprint(number.into()));
        uncommitted.hold(&Arc::new([10, 21, 22, 30].map(id).to_vec()));
        uncommitted.hold(&Arc::new([20, 23].map(id).to_vec()));
        let fetched = || shelf.fetch(Day(2)).unwrap();
        assert_eq!(fetched(), [21, 22, 20, 23].map(Fingerprint));
        uncommitted.committed();
        assert_eq!(fetched(), [20, 23].map(Fingerprint));
        uncommitted.committed();
        assert_eq!(fetched(), []);
    }
}
