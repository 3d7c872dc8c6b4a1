//! [`EventIds`]: the remembered events of a baseline, read day by day, and a place for more that are not committed yet.
//!
//! What is laid aside lies in SQLite's temporary database, which is a file of its own in the folder for temporary files as soon as it is
//! larger than a cache, and is gone with the process, however it ends.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use offtrail_event::{Day, Fingerprint};
use rusqlite::Connection;

use crate::{Doing, Error, Reason, Store, open::open_for_reading, remembered};

/// What an error names where there is no baseline.
const NO_BASELINE: &str = "event ids laid aside in a temporary file";

/// Remembered events by day, through a connection of its own. Safe to share between threads.
#[derive(Debug)]
pub struct EventIds {
    connection: Mutex<Connection>,
    /// The baseline's file; `None` if there is only what is laid aside.
    path: Option<PathBuf>,
}

impl Store {
    /// The events that are committed, now or later, and room to lay others aside.
    ///
    /// # Errors
    ///
    /// The file can't be opened once more.
    pub fn event_ids(&self) -> Result<EventIds, Error> {
        let made = open_for_reading(&self.path).and_then(|store| {
            let connection = store.connection;
            EventIds::over(connection, Some(self.path.clone()))
        });
        self.doing(Doing::Read, made)
    }
}

impl EventIds {
    /// Room to lay events aside, without a baseline.
    ///
    /// # Errors
    ///
    /// SQLite refuses.
    pub fn without_baseline() -> Result<Self, Error> {
        Connection::open_in_memory()
            .map_err(Reason::from)
            .and_then(|connection| Self::over(connection, None))
            .map_err(|reason| reason.at(Doing::Write, Path::new(NO_BASELINE)))
    }

    fn over(connection: Connection, path: Option<PathBuf>) -> Result<Self, Reason> {
        connection.execute_batch(
            "CREATE TEMP TABLE laid (id INTEGER PRIMARY KEY, day INTEGER NOT NULL, ids BLOB NOT NULL);
             CREATE INDEX temp.laid_day ON laid (day);",
        )?;
        Ok(Self {
            connection: Mutex::new(connection),
            path,
        })
    }

    /// All events of a day, committed or laid aside, in no particular order.
    ///
    /// # Errors
    ///
    /// The file is damaged or can't be read.
    pub fn fetch(&self, day: Day) -> Result<Vec<Fingerprint>, Error> {
        let connection = self.connection();
        let mut ids = Vec::new();
        let mut read = || -> Result<(), Reason> {
            if self.path.is_some() {
                let query = "SELECT ids FROM main.event_ids WHERE day = ?1";
                remembered::read_day(&connection, query, (day, &mut ids))?;
            }
            let query = "SELECT ids FROM temp.laid WHERE day = ?1";
            remembered::read_day(&connection, query, (day, &mut ids))
        };
        read().map_err(|reason| reason.at(Doing::Read, self.path()))?;
        Ok(ids)
    }

    /// Lays events of a day aside, until [`Store::commit_with`].
    ///
    /// # Errors
    ///
    /// The folder for temporary files is full or can't be written.
    pub fn lay(&self, day: Day, fresh: &[Fingerprint]) -> Result<(), Error> {
        let bytes: Vec<u8> = fresh.iter().flat_map(|id| id.0.to_le_bytes()).collect();
        let connection = self.connection();
        let put = || -> Result<(), Reason> {
            connection
                .prepare_cached("INSERT INTO temp.laid (day, ids) VALUES (?1, ?2)")?
                .execute((day.0, bytes))?;
            Ok(())
        };
        put().map_err(|reason| reason.at(Doing::Write, Path::new(NO_BASELINE)))
    }

    /// Gives what is laid aside to `each`, a day's part at a time.
    pub(crate) fn each_laid(
        &self,
        mut each: impl FnMut(Day, &[u8]) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        let connection = self.connection();
        let mut statement =
            connection.prepare("SELECT day, ids FROM temp.laid ORDER BY day, id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let ids = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            each(Day(row.get(0)?), ids)?;
        }
        Ok(())
    }

    /// Forgets what is laid aside, because it is committed.
    pub(crate) fn clear_laid(&self) -> Result<(), Reason> {
        self.connection().execute("DELETE FROM temp.laid", [])?;
        Ok(())
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(NO_BASELINE))
    }
}
