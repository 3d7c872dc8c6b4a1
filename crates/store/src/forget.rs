//! Forgetting by age: rows last seen, and events that happened, before a horizon.

use offtrail_baseline::Standing;
use offtrail_event::{Day, Timestamp};
use rusqlite::Connection;

use crate::{Doing, Error, Reason, Store, detection, words::standing_code};

impl Store {
    /// Forgets rows last seen before `horizon`, as [`offtrail_baseline::Profile::expire`] does; a person's rulings stay.
    /// Returns how many rows went.
    ///
    /// # Errors
    ///
    /// The disk is full or refuses. The file is left as it was.
    pub fn forget_rows(&mut self, horizon: Timestamp) -> Result<u64, Error> {
        let result = delete_rows(&mut self.connection, horizon);
        self.doing(Doing::Write, result)
    }

    /// Forgets the fingerprints of events of days before `day`. Returns how many went.
    ///
    /// # Errors
    ///
    /// The disk is full or refuses. The file is left as it was.
    pub fn forget_fingerprints(&mut self, day: Day) -> Result<u64, Error> {
        let result = delete_fingerprints(&mut self.connection, day);
        self.doing(Doing::Write, result)
    }
}

fn delete_rows(connection: &mut Connection, horizon: Timestamp) -> Result<u64, Reason> {
    let transaction = connection.transaction()?;
    let mut gone = 0;
    for table in ["profile_calls", "facets"] {
        gone += transaction.execute(
            &format!("DELETE FROM {table} WHERE last_seen < ?1 AND standing IN (?2, ?3)"),
            (
                horizon.epoch_secs(),
                standing_code(Standing::Learnt),
                standing_code(Standing::Pending),
            ),
        )?;
    }
    if gone > 0 {
        detection::overtake(&transaction)?;
    }
    transaction.commit()?;
    Ok(gone as u64)
}

fn delete_fingerprints(connection: &mut Connection, day: Day) -> Result<u64, Reason> {
    let transaction = connection.transaction()?;
    let bytes: i64 = transaction.query_row(
        "SELECT coalesce(sum(length(ids)), 0) FROM event_ids WHERE day < ?1",
        [day.0],
        |row| row.get(0),
    )?;
    transaction.execute("DELETE FROM event_ids WHERE day < ?1", [day.0])?;
    transaction.commit()?;
    Ok(bytes.unsigned_abs() / 8)
}
